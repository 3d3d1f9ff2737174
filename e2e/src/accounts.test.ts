import { type Endpoint, endpoints } from '@inbox-hub/contract'
import { createApiClient } from 'inbox-hub'
import { Secret, TOTP } from 'otpauth'
import { SMTPServer } from 'smtp-server'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { eventually, type Hub, postgresUrl, startHub } from './harness.ts'
import { newcomer, password, personOf, refusal } from './person.ts'

const stores = (await postgresUrl()) === undefined ? (['sqlite'] as const) : (['sqlite', 'postgres'] as const)
describe.each(stores)('people on %s', (store) => {
  let hub: Hub
  beforeAll(async () => {
    hub = await startHub({ store })
  })
  afterAll(() => hub[Symbol.asyncDispose]())

  test('register, log in by name or address, and are gone at once when they log out', async () => {
    const ana = personOf(hub, 'Ana')
    expect(await ana.registers({ firstName: 'Ana' })).toMatchObject({
      username: 'Ana',
      role: 'user',
      isActive: true,
    })
    expect(await refusal(personOf(hub, 'ANA').registers({ email: 'other@example.com' }))).toBe(
      'USER_ALREADY_EXISTS',
    )
    expect(await refusal(personOf(hub, 'other').registers({ email: 'ANA@example.com' }))).toBe(
      'USER_ALREADY_EXISTS',
    )
    expect(await refusal(personOf(hub, 'weak').registers({ password: 'nodigits' }))).toBe('VALIDATION_ERROR')

    expect(await ana.logsIn({ identifier: 'ANA@example.com' })).toMatchObject({ expiresIn: '24h' })
    expect((await ana.call(endpoints.getProfile)).user).toMatchObject({ username: 'Ana', firstName: 'Ana' })
    expect(await refusal(ana.logsIn({ password: 'Wrong horse 1' }))).toBe('AUTHENTICATION_FAILED')
    expect(await refusal(personOf(hub, 'nobody').logsIn())).toBe('AUTHENTICATION_FAILED')

    await ana.call(endpoints.logout)
    expect(await refusal(ana.call(endpoints.getProfile))).toBe('INVALID_TOKEN')
    expect(await refusal(ana.refreshes())).toBe('INVALID_REFRESH_TOKEN')
  })

  test('a refresh token is good once: a copy of it ends the login', async () => {
    const ben = personOf(hub, 'ben')
    await ben.registers()
    await ben.logsIn()
    const { refresh: copied } = ben.tokens
    await ben.refreshes()
    await ben.call(endpoints.getProfile)
    expect(await refusal(ben.refreshes(copied))).toBe('INVALID_REFRESH_TOKEN')
    expect(await refusal(ben.refreshes())).toBe('INVALID_REFRESH_TOKEN')
    expect(await refusal(ben.call(endpoints.getProfile))).toBe('INVALID_TOKEN')
  })

  test('a new password ends the other logins, and takes the old one', async () => {
    const [here, there] = [personOf(hub, 'carla'), personOf(hub, 'carla')]
    await here.registers()
    await here.logsIn()
    await there.logsIn()
    const newPassword = 'Another word 2'
    expect(
      await refusal(
        here.call(endpoints.changePassword, { body: { currentPassword: 'Wrong 1', newPassword } }),
      ),
    ).toBe('AUTHENTICATION_FAILED')
    const change = { currentPassword: password, newPassword }
    expect((await here.call(endpoints.changePassword, { body: change })).loginsEnded).toBe(1)
    await here.call(endpoints.getProfile)
    expect(await refusal(there.call(endpoints.getProfile))).toBe('INVALID_TOKEN')
    expect(await refusal(there.logsIn())).toBe('AUTHENTICATION_FAILED')
    await there.logsIn({ password: newPassword })
  })

  test('an account that was guessed at ten times waits, even for the right password', async () => {
    const dora = personOf(hub, 'dora')
    await dora.registers()
    for (let n = 0; n < 10; n += 1) await refusal(dora.logsIn({ password: `Guess ${n}` }))
    expect(await refusal(dora.logsIn())).toBe('AUTHENTICATION_FAILED')
  })

  test('a token that is nobody’s is refused before a password is hashed for it', async () => {
    // Passwords are hashed one after another: what has to be hashed waits for these.
    const answered: string[] = []
    const guesses = Array.from({ length: 8 }, async (_, n) => {
      await refusal(personOf(hub, `nobody${n}`).logsIn())
      answered.push('login')
    })
    const newPassword = 'Never set 5'
    expect(
      await refusal(hub.api.call(endpoints.resetPassword, { body: { token: 'unknown', newPassword } })),
    ).toBe('INVALID_TOKEN')
    expect(await refusal(personOf(hub, 'ivan').registers({ invitation: 'unknown' }))).toBe(
      'INVITATION_NOT_FOUND',
    )
    answered.push('tokens')
    await Promise.all(guesses)
    expect(answered.at(-1)).toBe('login')
  })

  test('of two who use a link at the same time one sets the password', async () => {
    const owner = await newcomer(hub, 'hana')
    const [organization] = (await owner.call(endpoints.myOrganizations)).organizations
    const params = { organizationId: organization?.id ?? 0, memberId: owner.id }
    const { token } = await owner.call(endpoints.makeResetLink, { params })
    const passwords = ['First of two 1', 'Second of two 2', 'Third of two 3']
    const outcomes = await Promise.all(
      passwords.map(async (newPassword) =>
        (await refusal(hub.api.call(endpoints.resetPassword, { body: { token, newPassword } }))) ===
        'INVALID_TOKEN'
          ? []
          : [newPassword],
      ),
    )
    const [winner, ...others] = outcomes.flat()
    expect(others).toEqual([])
    for (const each of passwords) {
      if (each === winner) await owner.logsIn({ password: each })
      else expect(await refusal(owner.logsIn({ password: each }))).toBe('AUTHENTICATION_FAILED')
    }
  })

  test('whoever logs in with the old password while a new one is set stays outside', async () => {
    const owner = await newcomer(hub, 'julia')
    const [organization] = (await owner.call(endpoints.myOrganizations)).organizations
    const params = { organizationId: organization?.id ?? 0, memberId: owner.id }
    const { token } = await owner.call(endpoints.makeResetLink, { params })
    const newPassword = 'Another word 6'
    const thieves = Array.from({ length: 4 }, () => personOf(hub, 'julia'))
    // Passwords are looked at one after another: the last thieves when the new one is set.
    await Promise.all([
      ...['nobody', 'anybody'].map((name) => refusal(personOf(hub, name).logsIn())),
      hub.api.call(endpoints.resetPassword, { body: { token, newPassword } }),
      ...thieves.map((thief) => refusal(thief.logsIn())),
    ])
    for (const thief of thieves)
      expect(await refusal(thief.call(endpoints.getProfile))).toMatch(/^(?:INVALID|MISSING)_TOKEN$/)
    await owner.logsIn({ password: newPassword })
  })

  test('with verification codes a password is not enough, and no code is good twice', async () => {
    const eva = personOf(hub, 'eva')
    await eva.registers()
    await eva.logsIn()
    const { secret, uri } = await eva.call(endpoints.beginTotp, { body: { password } })
    expect(uri).toContain(encodeURIComponent(eva.email))
    // Not before it is proved that the app has it.
    await eva.logsIn()
    const totp = new TOTP({ secret: Secret.fromBase32(secret) })
    const before = totp.generate({ timestamp: Date.now() - 30_000 })
    const { recoveryCodes } = await eva.call(endpoints.confirmTotp, { body: { code: before } })
    expect(recoveryCodes).toHaveLength(10)
    expect(await refusal(eva.logsIn())).toBe('TOTP_REQUIRED')
    expect(await refusal(eva.logsIn({ code: before }))).toBe('AUTHENTICATION_FAILED')
    const after = totp.generate({ timestamp: Date.now() + 30_000 })
    expect((await eva.logsIn({ code: after })).user.twoFactor).toBe(true)
    expect(await refusal(eva.logsIn({ code: after }))).toBe('AUTHENTICATION_FAILED')
    const [spare = ''] = recoveryCodes
    await eva.logsIn({ code: spare })
    expect(await refusal(eva.logsIn({ code: spare }))).toBe('AUTHENTICATION_FAILED')
    await eva.call(endpoints.removeTotp, { body: { password } })
    await eva.logsIn()
  })

  test('members come by invitation, do what their role allows, and an owner stays', async () => {
    const [owner, agent] = [personOf(hub, 'fatima'), personOf(hub, 'gil')]
    await owner.registers({ organizationName: 'Agency' })
    await owner.logsIn()
    const [organization] = (await owner.call(endpoints.myOrganizations)).organizations
    expect(organization).toMatchObject({ name: 'Agency', role: 'owner' })
    const params = { organizationId: organization?.id ?? 0 }
    const { invitation } = await owner.call(endpoints.inviteMember, {
      params,
      body: { email: agent.email, role: 'member' },
    })
    expect(invitation).toMatchObject({ role: 'agent', isSent: false })
    const { id: agentId } = await agent.registers({ invitation: invitation.token })
    expect(await refusal(personOf(hub, 'late').registers({ invitation: invitation.token }))).toBe(
      'INVITATION_NOT_FOUND',
    )
    await agent.logsIn()
    expect((await agent.call(endpoints.getOrganization, { params })).organization.role).toBe('agent')
    const guest = { email: 'guest@example.com' }
    expect(await refusal(agent.call(endpoints.inviteMember, { params, body: guest }))).toBe(
      'AUTHORIZATION_FAILED',
    )
    expect(await refusal(agent.call(endpoints.updateOrganization, { params, body: { name: 'Mine' } }))).toBe(
      'AUTHORIZATION_FAILED',
    )

    const { members } = await owner.call(endpoints.listMembers, { params })
    expect(members.map(({ username, role }) => [username, role])).toEqual([
      ['fatima', 'owner'],
      ['gil', 'agent'],
    ])
    const ownerId = members[0]?.id ?? 0
    const memberParams = { ...params, memberId: ownerId }
    expect(await refusal(owner.call(endpoints.removeMember, { params: memberParams }))).toBe('LAST_OWNER')
    const ofAgent = { ...params, memberId: agentId }
    await owner.call(endpoints.setMemberRole, { params: ofAgent, body: { role: 'admin' } })
    expect(await refusal(agent.call(endpoints.removeMember, { params: memberParams }))).toBe(
      'AUTHORIZATION_FAILED',
    )
    expect(
      await refusal(agent.call(endpoints.setMemberRole, { params: ofAgent, body: { role: 'owner' } })),
    ).toBe('AUTHORIZATION_FAILED')
    const { token } = await owner.call(endpoints.makeResetLink, { params: ofAgent })
    const newPassword = 'Handed over 3'
    await agent.call(endpoints.resetPassword, { body: { token, newPassword } })
    expect(await refusal(agent.call(endpoints.getProfile))).toBe('INVALID_TOKEN')
    expect(await refusal(agent.call(endpoints.resetPassword, { body: { token, newPassword } }))).toBe(
      'INVALID_TOKEN',
    )
    await agent.logsIn({ password: newPassword })
    expect((await owner.call(endpoints.organizationStats, { params })).stats).toEqual({
      members: 2,
      invitations: 0,
      sessions: 0,
      connectedSessions: 0,
      apiKeys: 0,
    })
    await agent.call(endpoints.removeMember, { params: ofAgent })
    expect(await refusal(agent.call(endpoints.getOrganization, { params }))).toBe('ORGANIZATION_NOT_FOUND')
    await owner.call(endpoints.deleteOrganization, { params })
    expect((await owner.call(endpoints.myOrganizations)).total).toBe(0)
  })

  test('every operation of people is closed to strangers, and to members of other organizations', async () => {
    const stranger = personOf(hub, 'hugo')
    await stranger.registers()
    await stranger.logsIn()
    const operations: Endpoint[] = Object.values<Endpoint>(endpoints).filter(({ auth }) => auth === 'user')
    expect(operations.length).toBeGreaterThan(15)
    const answers: string[] = []
    for (const endpoint of operations) {
      const named = [...endpoint.path.matchAll(/:(\w+)/g)].map(([, name = '']) => [name, 1] as const)
      const params = Object.fromEntries(named)
      const options =
        endpoint.method === 'GET'
          ? { params, query: { q: 'x' } }
          : { params, body: { email: 'x@example.com', role: 'viewer', name: 'x' } }
      const nobody = createApiClient({ url: hub.url, key: hub.key })
      expect(await refusal(nobody.call(endpoint, options))).toBe('MISSING_TOKEN')
      if (!endpoint.path.includes(':organizationId')) continue
      answers.push(await refusal(stranger.call(endpoint, options)))
    }
    expect(new Set(answers)).toEqual(new Set(['ORGANIZATION_NOT_FOUND']))
  })
})

test('where registration is by invitation, a key of the hub makes its first owner', async () => {
  await using hub = await startHub({ env: { REGISTRATION: 'invited' } })
  expect(await refusal(personOf(hub, 'ana').registers())).toBe('REGISTRATION_CLOSED')
  const ana = personOf(hub, 'ana')
  expect(await refusal(ana.registers({}, { 'x-api-key': 'not a key of anybody' }))).toBe('INVALID_API_KEY')
  await ana.registers({}, { 'x-api-key': hub.key })
  const { user } = await ana.logsIn()
  expect(user).toMatchObject({ role: 'admin', globalRole: 'admin' })
  expect((await ana.call(endpoints.myOrganizations)).organizations).toMatchObject([{ id: 1, role: 'owner' }])
  // An administrator can make keys, and must not become an owner by one.
  const ben = await newcomer(hub, 'ben', { key: hub.key })
  expect((await ben.call(endpoints.myOrganizations)).organizations).toMatchObject([{ id: 1, role: 'admin' }])
})

test('a forgotten password is set anew by a letter, and nobody learns whose addresses are known', async () => {
  const letters: string[] = []
  const smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, _session, done) {
      let text = ''
      stream.setEncoding('utf8')
      stream.on('data', (part: string) => (text += part))
      stream.on('end', () => {
        letters.push(text)
        done()
      })
    },
  })
  await new Promise<void>((resolve) => void smtp.listen(0, '127.0.0.1', resolve))
  using _smtp = { [Symbol.dispose]: () => smtp.close() }
  const address = smtp.server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  await using hub = await startHub({
    env: { SMTP_URL: `smtp://127.0.0.1:${port}`, PUBLIC_URL: 'https://hub.example.com' },
  })
  const ana = personOf(hub, 'ana')
  await ana.registers()
  const ask = (email: string) => hub.api.call(endpoints.requestPasswordReset, { body: { email } })
  expect(await ask('stranger@example.com')).toEqual(await ask(ana.email))
  const letter = await eventually(
    () => letters[0],
    () => 'no letter came',
  )
  expect(letter).toContain('To: ana@example.com')
  const [, token = ''] =
    /https:\/\/hub\.example\.com\/reset-password#([\w-]+)/.exec(letter.replaceAll('=\r\n', '')) ?? []
  await hub.api.call(endpoints.resetPassword, { body: { token, newPassword: 'By letter 4' } })
  await ana.logsIn({ password: 'By letter 4' })
  expect(letters).toHaveLength(1)
})
