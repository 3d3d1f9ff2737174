/** Bytes of a name that every file system takes. */
const maxBytes = 200

// oxlint-disable-next-line no-control-regex -- exactly those must go
const unsafe = /[\u0000-\u001F\u007F-\u009F"*:<>?|\u200B-\u200F\u202A-\u202E\u2060-\u2069\uFEFF\uFFFD]/g

/**
 * A name that a client or a stranger gave, as it may be stored and handed on: the last part of its path, without control characters,
 * without those that reverse or hide what follows (`invoice\u202Efdp.exe`), and without those that some file system refuses. '' when nothing is left.
 */
export function cleanFileName(given: string): string {
  const last = given.normalize('NFC').split(/[/\\]/).at(-1) ?? ''
  const plain = last.toWellFormed().replaceAll(unsafe, '').replaceAll(/\s+/g, ' ')
  // Dots and spaces at the ends are `..`, hidden files, and what Windows drops.
  const name = plain.replace(/^[. ]+|[. ]+$/g, '')
  // Windows opens a device under these, whatever follows the dot.
  const safe = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(name) ? `_${name}` : name
  return shortened(safe)
}

/** Cut in the middle of characters never, and before the ending, which says what the file is. */
function shortened(name: string): string {
  if (Buffer.byteLength(name) <= maxBytes) return name
  const ending = /\.[\w-]{1,10}$/.exec(name)?.[0] ?? ''
  let stem = ''
  for (const { segment } of new Intl.Segmenter().segment(name.slice(0, name.length - ending.length))) {
    if (Buffer.byteLength(stem) + Buffer.byteLength(segment) + ending.length > maxBytes) break
    stem += segment
  }
  return `${stem}${ending}`
}

/** The name at the end of an address; '' when there is none. */
export function fileNameOfUrl(url: string): string {
  const last = new URL(url).pathname.split('/').at(-1) ?? ''
  try {
    return cleanFileName(decodeURIComponent(last))
  } catch {
    return cleanFileName(last)
  }
}

/** A Content-Disposition (RFC 6266): the name in ASCII for old clients, and in full (RFC 8187). */
export function contentDisposition(disposition: 'inline' | 'attachment', name: string): string {
  const ascii = name
    .normalize('NFD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^\x20-\x7E]|["\\%;]/g, '_')
  const full = encodeURIComponent(name.toWellFormed()).replaceAll(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `${disposition}; filename="${ascii}"${ascii === name ? '' : `; filename*=UTF-8''${full}`}`
}
