import { expect, test } from 'vitest'

import { createLog, type LogLevel, pseudonym, redact } from './log.ts'

function logged(write: (log: ReturnType<typeof createLog>) => void, level: LogLevel = 'debug'): unknown[] {
  const lines: unknown[] = []
  write(createLog({ level, destination: { write: (line) => void lines.push(JSON.parse(line)) } }))
  return lines
}

test('a line says when, how important, which facts, and what happened', () => {
  const [line] = logged((log) =>
    log.child({ module: 'sessions' }).info({ sessionId: 12, cause: 'asked' }, 'session stopped'),
  )
  expect(line).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    module: 'sessions',
    sessionId: 12,
    cause: 'asked',
    msg: 'session stopped',
  })
})

test('names that are not on the list are not written, nor objects under names that are', () => {
  const fields: object = {
    sessionId: 1,
    text: 'secret',
    creds: { key: 1 },
    state: { qr: 'secret' },
    status: [1, { a: 2 }],
  }
  // What JavaScript lets through although the types do not.
  const [line] = logged((log) => log.warn(fields, 'x'))
  expect(line).toMatchObject({ sessionId: 1, state: '[object]', status: [1, '[object]'] })
  expect(JSON.stringify(line)).not.toContain('secret')
})

test('a JID is a pseudonym: the same one for the same JID', () => {
  const jid = '12025550123@s.whatsapp.net'
  const lines = logged((log) => {
    log.info({ jid }, 'one')
    log.info({ jid }, 'two')
    log.info({ jid: '12025550124@s.whatsapp.net' }, 'three')
  })
  expect(lines).toMatchObject([{ jid: pseudonym(jid) }, { jid: pseudonym(jid) }, {}])
  expect(JSON.stringify(lines)).not.toContain('12025550')
})

test('errors are written with their causes and without what they quote', () => {
  const cause = Object.assign(new Error('no session for 12025550123:4@s.whatsapp.net'), { code: 'ENOENT' })
  const error = new TypeError('cannot send with ihk_abcdefghij_secretsecret', { cause })
  const [line] = logged((log) => log.error({ error }, 'send failed'))
  expect(line).toMatchObject({
    error: {
      name: 'TypeError',
      message: 'cannot send with ihk_[key]',
      stack: expect.stringContaining('log.test.ts'),
      cause: { code: 'ENOENT', message: expect.stringMatching(/^no session for jid:[\w-]{10}$/) },
    },
  })
  expect(logged((log) => log.error({ error: 'a text' }, 'x'))).toMatchObject([
    { error: { name: 'string', message: 'a text' } },
  ])
})

test('errors that cause each other in a circle are written to a depth', () => {
  const error = new Error('a')
  error.cause = error
  expect(logged((log) => log.error({ error }, 'x'))).toHaveLength(1)
})

test('levels below the asked one are not written', () => {
  const write = (log: ReturnType<typeof createLog>) => {
    log.debug({}, 'a')
    log.info({}, 'b')
    log.warn({}, 'c')
    log.error({}, 'd')
    log.fatal({}, 'e')
  }
  expect(logged(write, 'warn')).toMatchObject([{ msg: 'c' }, { msg: 'd' }, { msg: 'e' }])
  expect(logged(write, 'silent')).toEqual([])
})

test.each([
  ['group 120363041234567890@g.us left', /^group jid:[\w-]{10} left$/],
  ['lid 99887766554433:12@lid', /^lid jid:[\w-]{10}$/],
  ['postgres://hub:hunter2@db/hub', /^postgres:\/\/\[credentials\]@db\/hub$/],
  ['socks5://user:pw@proxy:1080', /^socks5:\/\/\[credentials\]@proxy:1080$/],
  ['scan https://wa.me/settings/linked_devices#2@abc,def', /^scan https:\/\/\[pairing text\]$/],
  ['qr 2@AbCdEfGhIjKlMnOpQrStUvWxYz0123456789,x,y', /^qr \[pairing text\]$/],
  [`whsec_${'Ab1+'.repeat(8)}`, /^whsec_\[secret\]$/],
  ['session 12 waits 5000 ms at 127.0.0.1:8084', /^session 12 waits 5000 ms at 127\.0\.0\.1:8084$/],
])('%s is written without what must stay', (text, written) => {
  expect(redact(text)).toMatch(written)
})
