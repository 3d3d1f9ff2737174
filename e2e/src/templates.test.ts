import { endpoints } from '@inbox-hub/contract'
import { createApiClient } from 'inbox-hub'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { type Hub, postgresUrl, startHub } from './harness.ts'
import { invited, newcomer, type Newcomer, refusal } from './person.ts'

const stores = (await postgresUrl()) === undefined ? (['sqlite'] as const) : (['sqlite', 'postgres'] as const)
const params = { organizationId: 1 }

describe.each(stores)('templates on %s', (store) => {
  let hub: Hub
  let admin: Newcomer
  let agent: Newcomer
  let viewer: Newcomer
  let stranger: Newcomer
  beforeAll(async () => {
    hub = await startHub({ store })
    admin = await newcomer(hub, 'ana', { key: hub.key })
    agent = await invited(hub, 'gil', admin, 1, 'agent')
    viewer = await invited(hub, 'vera', admin, 1, 'viewer')
    stranger = await newcomer(hub, 'hugo')
    await hub.pairSession('support')
  })
  afterAll(() => hub[Symbol.asyncDispose]())

  const write = async (body: object) =>
    (await agent.call(endpoints.createTemplate, { params, body })).template
  const approved = async (body: object) => {
    const { id } = await write(body)
    return (await admin.call(endpoints.approveTemplate, { params: { templateId: id } })).template
  }

  test('one is written by an agent, approved by an administrator, filled and sent', async () => {
    const made = await write({
      name: 'Envío',
      content: 'Hello {{name}}, order {{ order }} leaves {{day}}.',
      category: 'shipping',
      variables: ['name', { name: 'day', defaultValue: 'today' }],
    })
    expect(made).toMatchObject({
      organizationId: 1,
      status: 'pending',
      isApproved: false,
      isActive: true,
      createdBy: agent.id,
      variables: [
        { name: 'name', required: true },
        { name: 'order', required: true },
        { name: 'day', required: false, defaultValue: 'today' },
      ],
    })
    const of = { params: { templateId: made.id } }
    const use = (variables: object, more: object = {}) =>
      agent.call(endpoints.useTemplate, { ...of, body: { variables, ...more } })
    expect(await refusal(use({ name: 'Ana', order: 7 }))).toBe('TEMPLATE_NOT_APPROVED')
    expect(await refusal(agent.call(endpoints.approveTemplate, of))).toBe('AUTHORIZATION_FAILED')
    const { template } = await admin.call(endpoints.approveTemplate, of)
    expect(template).toMatchObject({ status: 'approved', isApproved: true, decidedBy: admin.id })

    await expect(use({ name: 'Ana', order: '' })).rejects.toMatchObject({
      code: 'TEMPLATE_VARIABLES_MISSING',
      details: { order: expect.any(String) },
    })
    expect(await refusal(use({ name: 'x'.repeat(1024), order: 1 }))).toMatch(/^answered/)
    // What a value holds is not looked into.
    expect(await use({ name: '{{order}}', order: 7 })).toMatchObject({
      templateId: made.id,
      content: made.content,
      rendered: 'Hello {{order}}, order 7 leaves today.',
    })

    const ana = hub.emulator.phone('+12025550123')
    const to = { to: ana.number, sessionId: 'support', clientId: 'once' }
    const sent = await use({ name: 'Ana', order: 8 }, to)
    expect(sent).toMatchObject({ status: 'sent', rendered: 'Hello Ana, order 8 leaves today.' })
    await ana.receives('Hello Ana, order 8 leaves today.')
    expect((await use({ name: 'Ana', order: 8 }, to)).messageId).toBe(sent.messageId)
    expect(await refusal(use({ name: 'Ana', order: 8 }, { to: ana.number }))).toBe('VALIDATION_ERROR')

    // By name in a send, with an API key of the organization.
    const send = (message: object) =>
      hub.api.call(endpoints.sendMessage, {
        params: { sessionId: 'support' },
        body: { to: [ana.number, '+12025550124'], message },
      })
    const variables = { name: 'Eva', order: 9, day: 'on Monday' }
    expect((await send({ template: { name: 'envio', variables } })).sent).toBe(2)
    await ana.receives('Hello Eva, order 9 leaves on Monday.')
    expect(await refusal(send({ template: { name: 'envio', variables: { name: 'Eva' } } }))).toBe(
      'TEMPLATE_VARIABLES_MISSING',
    )
    expect(await refusal(send({ template: { name: 'unknown' } }))).toBe('TEMPLATE_NOT_FOUND')
    const { stats } = await viewer.call(endpoints.templateStats, { params })
    expect(stats).toMatchObject({
      byStatus: { approved: 1, pending: 0 },
      byCategory: { shipping: 1 },
      mostUsed: [{ id: made.id, name: 'Envío', usageCount: stats.uses }],
    })
    const { logs } = await admin.call(endpoints.searchAuditLogs, { params, query: { q: 'Template' } })
    expect(logs.map(({ action, userId, outcome }) => [action, userId, outcome])).toContainEqual([
      'approveTemplate',
      admin.id,
      'success',
    ])
  })

  test('positional values, a picture and options', async () => {
    const ana = hub.emulator.phone('+12025550123')
    const to = { to: ana.number, sessionId: 'support' }
    const numbered = await approved({ name: 'numbered', body: '{{1}} and {{2}}' })
    const use = (id: number, body: object) =>
      agent.call(endpoints.useTemplate, { params: { templateId: id }, body })
    expect((await use(numbered.id, { variables: '["a","b"]' })).rendered).toBe('a and b')

    const menu = await approved({
      name: 'menu',
      content: 'Hello {{1}}',
      interactiveElements: ['Yes', { id: 'n', text: 'No, {{1}}' }],
    })
    await use(menu.id, { variables: ['Ana'], ...to })
    await ana.receives('Hello Ana\n\n1. Yes\n2. No, Ana')

    const { file } = await uploaded()
    const picture = await approved({
      name: 'picture',
      content: 'For {{1}}',
      attachments: [{ kind: 'image', mediaId: file }],
    })
    expect(await use(picture.id, { variables: ['Ana'], ...to })).toMatchObject({ type: 'image' })
    await ana.receives('For Ana')
    expect(await refusal(use(picture.id, { variables: ['x'.repeat(1024)], ...to }))).toBe('TEMPLATE_UNFIT')
  })

  test('what is not a template is refused when it is written', async () => {
    const refused = (body: object) => refusal(write({ name: 'other', content: 'x', ...body }))
    expect(await refused({ content: 'Hello {{first name}}' })).toBe('VALIDATION_ERROR')
    expect(await refused({ variables: ['nowhere'] })).toBe('TEMPLATE_UNFIT')
    expect(await refused({ attachments: ['https://{{1}}.example.com/x.png'] })).toBe('VALIDATION_ERROR')
    expect(await refused({ attachments: ['https://example.com/x.png'], interactiveElements: ['Yes'] })).toBe(
      'TEMPLATE_UNFIT',
    )
    expect(await refused({ content: 'x'.repeat(2000), attachments: ['https://example.com/x.png'] })).toBe(
      'TEMPLATE_UNFIT',
    )
    expect(await refused({ name: 'NUMBERED' })).toBe('TEMPLATE_ALREADY_EXISTS')
    expect(await refused({ status: 'approved' })).toBe('VALIDATION_ERROR')
  })

  test('what was approved stays as it was approved, unless an administrator changes it', async () => {
    const { id } = await approved({ name: 'kept', content: 'Hello {{name}}' })
    const change = (who: Newcomer, body: object) =>
      who.call(endpoints.updateTemplate, { params: { templateId: id }, body })
    expect(await refusal(change(agent, { content: 'Bye {{name}}' }))).toBe('TEMPLATE_APPROVED')
    expect(await refusal(change(agent, { status: 'draft' }))).toBe('TEMPLATE_APPROVED')
    expect(await refusal(change(viewer, { category: 'x' }))).toBe('AUTHORIZATION_FAILED')
    expect((await change(agent, { category: 'greetings', isActive: false })).template).toMatchObject({
      status: 'approved',
      isActive: false,
    })
    expect(
      await refusal(
        agent.call(endpoints.useTemplate, { params: { templateId: id }, body: { variables: ['x'] } }),
      ),
    ).toBe('TEMPLATE_NOT_APPROVED')
    expect((await change(admin, { content: 'Bye {{who}}', isActive: true })).template).toMatchObject({
      status: 'approved',
      variables: [{ name: 'who' }],
    })
    const rejected = await admin.call(endpoints.rejectTemplate, {
      params: { templateId: id },
      body: { rejectionReason: 'too short' },
    })
    expect(rejected.template).toMatchObject({ status: 'rejected', rejectionReason: 'too short' })
    expect((await change(agent, { content: 'Good bye {{who}}' })).template).toMatchObject({
      status: 'pending',
      rejectionReason: null,
    })
    await change(agent, { status: 'draft' })
    expect(await refusal(admin.call(endpoints.approveTemplate, { params: { templateId: id } }))).toBe(
      'TEMPLATE_NOT_PENDING',
    )
    const listed = async (query: object) =>
      (await viewer.call(endpoints.listTemplates, { params, query: { ...query } })).templates.map(
        (each) => each.name,
      )
    expect(await listed({ search: 'good BYE' })).toEqual(['kept'])
    expect(await listed({ status: 'draft' })).toEqual(['kept'])
    expect(await listed({ category: 'shipping' })).toEqual(['Envío'])
    await admin.call(endpoints.deleteTemplate, { params: { templateId: id } })
    expect(await refusal(viewer.call(endpoints.getTemplate, { params: { templateId: id } }))).toBe(
      'TEMPLATE_NOT_FOUND',
    )
  })

  test('those of another organization do not exist', async () => {
    const { templates } = await viewer.call(endpoints.listActiveTemplates, { params })
    const templateId = templates[0]?.id ?? 0
    for (const endpoint of [
      endpoints.getTemplate,
      endpoints.updateTemplate,
      endpoints.deleteTemplate,
      endpoints.approveTemplate,
      endpoints.rejectTemplate,
      endpoints.useTemplate,
    ])
      expect(await refusal(stranger.call(endpoint, { params: { templateId } }))).toBe('TEMPLATE_NOT_FOUND')
    const { organizations } = await stranger.call(endpoints.myOrganizations)
    const { key } = await stranger.call(endpoints.createOrganizationKey, {
      params: { organizationId: organizations[0]?.id ?? 0 },
      body: { name: 'theirs' },
    })
    const theirs = createApiClient({ url: hub.url, key })
    await theirs.call(endpoints.createSession, { body: { sessionId: 'theirs', autoConnect: false } })
    const send = theirs.call(endpoints.sendMessage, {
      params: { sessionId: 'theirs' },
      body: { to: '12025550123', message: { template: { id: templateId } } },
    })
    expect(await refusal(send)).toBe('TEMPLATE_NOT_FOUND')
  })

  async function uploaded(): Promise<{ file: string }> {
    const pixel =
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
    const answer = await fetch(`${hub.url}/api/media/sessions/support/upload`, {
      method: 'POST',
      headers: { 'x-api-key': hub.key, 'content-type': 'image/png' },
      body: Buffer.from(pixel, 'base64'),
    })
    const { data } = (await answer.json()) as { data: { fileId: string } }
    return { file: data.fileId }
  }
})
