import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Files that take longest, which their size does not show: begun last, they would be waited for alone. */
const longest = ['e2e/src/fuzz.test.ts', 'e2e/src/chaos.test.ts', 'e2e/src/messages.test.ts']

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const index = longest.findIndex((path) => moduleId.endsWith(path))
      return index === -1 ? longest.length : index
    }
    return (await super.sort(files)).sort((one, other) => place(one) - place(other))
  }
}

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
    sequence: { sequencer: LongestFirst },
  },
})
