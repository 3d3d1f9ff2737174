import { encodeQR } from 'qr'

import { blackAndWhitePng } from './png.ts'

/** Modules of white around the symbol: what ISO/IEC 18004 §5.3.8 asks for. Phones refuse a QR on a dark page without it. */
const quietZone = 4
/** Smallest side of the picture, pixels. The contract promises 200; a little more reads well on a dense screen. */
const minSidePx = 300

/** One QR text in every form a client may ask for. Each is made when first read, once. */
export interface QrRendering {
  readonly text: string
  readonly png: Buffer
  /** `png` in base64, without a `data:` prefix. */
  readonly base64: string
  readonly dataUrl: string
  readonly svg: string
  /** Half-block characters for a terminal, dark modules as spaces on a light ground. */
  readonly terminal: string
}

// Many clients poll the same QR: all of them together pay for one drawing, which goes when the QR goes.
const renderings = new WeakMap<object, QrRendering>()

/** How to draw a QR. Nothing is drawn until a form is read, and each form once. */
export function renderQr(qr: { readonly text: string }): QrRendering {
  const known = renderings.get(qr)
  if (known !== undefined) return known
  const rendering = lazily(qr.text)
  renderings.set(qr, rendering)
  return rendering
}

function lazily(text: string): QrRendering {
  const modules = once(() => encodeQR(text, 'raw', { ecc: 'medium', border: quietZone }))
  const png = once(() => blackAndWhitePng(modules(), Math.ceil(minSidePx / modules().length)))
  const base64 = once(() => png().toString('base64'))
  const svg = once(() => drawSvg(modules()))
  const terminal = once(() => drawForTerminal(modules()))
  return {
    text,
    get png() {
      return png()
    },
    get base64() {
      return base64()
    },
    get dataUrl() {
      return `data:image/png;base64,${base64()}`
    },
    get svg() {
      return svg()
    },
    get terminal() {
      return terminal()
    },
  }
}

/** One path of unit squares, runs of a row joined: small, and sharp at every size. */
function drawSvg(modules: readonly (readonly boolean[])[]): string {
  const side = modules.length
  let path = ''
  modules.forEach((row, y) => {
    for (let x = 0; x < row.length; x++) {
      if (row[x] !== true) continue
      const start = x
      while (row[x + 1] === true) x++
      path += `M${start} ${y}h${x - start + 1}v1H${start}z`
    }
  })
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${side} ${side}" width="${minSidePx}" height="${minSidePx}"` +
    ` shape-rendering="crispEdges"><rect width="${side}" height="${side}" fill="#fff"/><path d="${path}" fill="#000"/></svg>`
  )
}

/** Two modules per character, one above the other. Black on white is asked for with escape codes: a dark terminal would invert it. */
function drawForTerminal(modules: readonly (readonly boolean[])[]): string {
  let drawing = ''
  for (let y = 0; y < modules.length; y += 2) {
    const upper = modules[y] ?? []
    const lower = modules[y + 1] ?? []
    drawing += '\u001B[30;107m'
    for (let x = 0; x < upper.length; x++) {
      const top = upper[x] === true
      const bottom = lower[x] === true
      drawing += top ? (bottom ? '█' : '▀') : bottom ? '▄' : ' '
    }
    drawing += '\u001B[0m\n'
  }
  return drawing
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined
  return () => (made ??= { value: make() }).value
}
