import { describe, expect, test } from 'vitest'

import { judgeFrappe, judgeStatus, type Reply } from './verdict.ts'

function answered(status: number, body: unknown = '', more: Partial<Reply & { status: number }> = {}): Reply {
  return {
    status,
    retryAfterMs: 0,
    location: undefined,
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...more,
  }
}

describe("Frappe's answers", () => {
  test('an accepted event is delivered', () => {
    expect(
      judgeFrappe(answered(200, { message: { success: true, processed: { processed: true } } })),
    ).toEqual({
      at: 'delivered',
    })
  })

  test.each([
    [{ message: { success: false, error: 'Session not found: support' } }, 'contract'],
    [{ message: { success: true, processed: { processed: false, error: 'Message not found' } } }, 'briefly'],
    [{ message: { success: false, error: 'Lock wait timeout' } }, 'few'],
  ])('a refusal under HTTP 200 that may heal is tried again: %j', (body, patience) => {
    expect(judgeFrappe(answered(200, body))).toMatchObject({ at: 'failed', patience, receiver: 'working' })
  })

  test.each([
    { message: { success: false, message: 'Invalid signature' } },
    { message: { success: true, processed: { processed: false, reason: 'Unknown event: session.state' } } },
  ])('a refusal that cannot heal is given up at once: %j', (body) => {
    expect(judgeFrappe(answered(200, body))).toMatchObject({ at: 'refused' })
  })

  test('a receiver that is not Frappe is judged by its status alone', () => {
    expect(judgeFrappe(answered(200, 'OK'))).toEqual({ at: 'delivered' })
    expect(judgeFrappe(answered(204))).toEqual({ at: 'delivered' })
    expect(judgeFrappe(answered(200, '{"message": "false alarm"}'))).toEqual({ at: 'delivered' })
    expect(judgeFrappe(answered(200, '{"ok": false, truncated'))).toEqual({ at: 'delivered' })
    expect(judgeFrappe(answered(200, 'null'))).toEqual({ at: 'delivered' })
  })

  test("a validation error is tried a few times and shows Frappe's own words", () => {
    const body = {
      exc_type: 'ValidationError',
      _server_messages: '["{\\"message\\": \\"Phone is mandatory\\"}"]',
    }
    expect(judgeFrappe(answered(417, body))).toEqual({
      at: 'failed',
      error: 'HTTP 417: Phone is mandatory',
      patience: 'few',
      askedMs: 0,
      receiver: 'working',
    })
  })
})

describe('answers without a body to judge', () => {
  test('only 2xx is success; a redirect names where it points', () => {
    expect(judgeStatus(answered(202), 'standard')).toEqual({ at: 'delivered' })
    const moved = judgeStatus(answered(301, '', { location: 'https://crm.example/hook' }), 'standard')
    expect(moved).toMatchObject({ at: 'failed', receiver: 'working' })
    expect(moved).toHaveProperty('error', expect.stringContaining('https://crm.example/hook'))
  })

  test('410 is the last call', () => {
    expect(judgeStatus(answered(410), 'standard')).toMatchObject({ at: 'refused' })
  })

  test.each([429, 502, 503])('%i says that the receiver is away, and when to come back', (status) => {
    expect(judgeStatus(answered(status, '', { retryAfterMs: 7000 }), 'standard')).toMatchObject({
      receiver: 'away',
      askedMs: 7000,
    })
  })

  test('a 500 is a fault of the receiver, no reason to stop calling it', () => {
    expect(judgeStatus(answered(500, 'Traceback'), 'contract')).toMatchObject({
      receiver: 'faulty',
      error: 'HTTP 500: Traceback',
    })
  })

  test('nobody there is not the fault of the delivery; silence may be; an address we must not call is final', () => {
    const reply = { status: undefined, error: 'connection refused' } as const
    expect(judgeStatus({ ...reply, because: 'away' }, 'standard')).toMatchObject({ receiver: 'away' })
    expect(judgeStatus({ ...reply, because: 'silent' }, 'standard')).toMatchObject({ receiver: 'faulty' })
    expect(judgeStatus({ ...reply, because: 'forbidden' }, 'standard')).toMatchObject({ at: 'refused' })
  })

  test('a long answer is quoted shortly, on one line', () => {
    const verdict = judgeStatus(answered(500, `<html>\n${'x'.repeat(5000)}`), 'standard')
    expect(verdict).toHaveProperty('error', expect.stringMatching(/^HTTP 500: <html> x+…$/))
    expect(JSON.stringify(verdict).length).toBeLessThan(400)
  })
})
