import { defineConfig } from 'vitest/config'

export default defineConfig({
  ssr: { resolve: { conditions: ['source', 'module', 'node', 'default'] } },
  resolve: { conditions: ['source', 'module', 'node', 'default'] },
  test: {
    include: ['{apps,packages}/*/src/**/*.test.ts', '{e2e,bench,tools}/src/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    execArgv: ['--conditions=source'],
  },
})
