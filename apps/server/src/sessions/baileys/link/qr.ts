/** The first QR of a dial lives 60 s, the others 20 s; the codes are the server's, it sends six (baileys Socket/socket.js:709, measured). */
export function qrLifeMs(index: number): number {
  return index === 1 ? 60_000 : 20_000
}

/** How long a dial with `refs` codes can pair, from the first one on. */
export function pairingWindowMs(refs: number): number {
  return qrLifeMs(1) + qrLifeMs(2) * Math.max(0, refs - 1)
}

/** The QR text with the current secret in its fourth field: baileys keeps writing the one it began the dial with. */
export function withSecret(qr: string, advSecretKey: string): string {
  const [head, tail] = qr.includes('#') ? splitOnce(qr, '#') : ['', qr]
  const fields = tail.split(',')
  fields[3] = advSecretKey
  return head === '' ? fields.join(',') : `${head}#${fields.join(',')}`
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return [text.slice(0, at), text.slice(at + 1)]
}
