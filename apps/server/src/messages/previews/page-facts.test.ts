import { expect, test } from 'vitest'

import { factsOfPage } from './page-facts.ts'

async function* inPieces(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 7) yield bytes.subarray(at, at + 7)
}

const factsOf = (page: string | Buffer, contentType = 'text/html') =>
  factsOfPage(inPieces(Buffer.from(page)), { url: 'https://shop.example.com/a/b', contentType })

test.each([
  ['its title alone', '<title> Chairs\n &amp; tables </title>', { title: 'Chairs & tables' }],
  [
    'its tags before its title, in any order and spelling',
    `<TITLE>Shop</TITLE><meta name="description" content="plain"><META content='Chairs' property=OG:Title>
     <meta property="og:description" content="&quot;half&quot; price"><meta property="og:image" content="../c.png?x=1&amp;y=2">`,
    { title: 'Chairs', description: '"half" price', imageUrl: 'https://shop.example.com/c.png?x=1&y=2' },
  ],
  [
    'what comments and scripts hold',
    '<!--<title>no</title>--><script>"<title>no</title>"</script><title>yes',
    { title: 'yes' },
  ],
  [
    'its head only',
    '<title>yes</title></head><meta property="og:title" content="late"><body>',
    { title: 'yes' },
  ],
  [
    'a picture that is no address',
    '<title>a</title><meta property="og:image" content="javascript:1">',
    { title: 'a' },
  ],
  ['what turns the direction', '<title>a\u202Eb\u0007c</title>', { title: 'ab c' }],
  ['the first of several', '<title>a</title><svg><title>b</title></svg>', { title: 'a' }],
  ['no title at all', '<meta name="description" content="x">', undefined],
])('a page says %s', async (_what, page, facts) => {
  expect(await factsOf(page)).toEqual(facts)
})

test('a page is read in the encoding that its header or the page names', async () => {
  const latin = Buffer.from('<title>Caf\xE9</title>', 'latin1')
  expect(await factsOf(latin, 'text/html; charset="ISO-8859-1"')).toEqual({ title: 'Café' })
  const inside = Buffer.from('<meta charset=windows-1251><title>\xC4\xE0</title>', 'latin1')
  expect(await factsOf(inside)).toEqual({ title: 'Да' })
  expect(await factsOf('<title>é</title>', 'text/html; charset=nobody-knows')).toEqual({ title: 'é' })
})

test('a page without an end is read as far as a megabyte, and no title is longer than 300 characters', async () => {
  let given = 0
  async function* endless(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(`<title>${'🙂'.repeat(400)}</title><script>`)
    for (;;) {
      given += 65_536
      yield Buffer.alloc(65_536, 'x')
    }
  }
  const facts = await factsOfPage(endless(), { url: 'https://a.example/', contentType: 'text/html' })
  expect(Array.from(facts?.title ?? '')).toHaveLength(300)
  expect(given).toBeLessThan(1.2 * 1024 * 1024)
})
