/** What may end a sentence, or close what an address stands in. */
const endings = /[.,;:!?'"»”’…*_~]+$/u

/** The first web address in a text: as it stands there, and where it leads. */
export function firstAddress(text: string): { written: string; url: string } | undefined {
  for (const [found] of text.matchAll(/(?<![\p{L}\p{N}@])(?:https?:\/\/|www\.)[^\s<>"]+/giu)) {
    const written = withoutEnd(found)
    const url = URL.parse(/^www\./i.test(written) ? `https://${written}` : written)
    // Who writes a password into an address does not want it shown, or used.
    if (url !== null && url.hostname !== '' && url.username === '' && url.password === '')
      return { written, url: url.href }
  }
  return undefined
}

/** Without the end of the sentence around it. A bracket belongs to it when it was opened in it. */
function withoutEnd(found: string): string {
  let written = found.replace(endings, '')
  for (const [open, close] of ['()', '[]', '{}']) {
    if (open === undefined || close === undefined) continue
    while (written.endsWith(close) && written.split(open).length < written.split(close).length)
      written = written.slice(0, -1).replace(endings, '')
  }
  return written
}
