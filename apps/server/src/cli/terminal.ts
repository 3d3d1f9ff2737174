import type { Readable, Writable } from 'node:stream'
import { styleText } from 'node:util'

/** Where a command writes and how it is interrupted: a real terminal, or a test. */
export interface Terminal {
  readonly out: Writable
  /** For what is not the result: errors and progress of commands whose output may be piped on. */
  readonly err: Writable
  readonly input: Readable
  /** Whether somebody looks at `out`: then it may be drawn over and coloured. */
  readonly isInteractive: boolean
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal
  readonly env: Readonly<Record<string, string | undefined>>
}

type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'

/** `text` in a style, where it can be seen. */
export function styled(terminal: Terminal, style: Style, text: string): string {
  return terminal.isInteractive ? styleText(style, text, { validateStream: false }) : text
}

export function print(terminal: Terminal, ...lines: readonly string[]): void {
  for (const line of lines) terminal.out.write(`${line}\n`)
}

/** A result for programs: one line of JSON. */
export function printJson(terminal: Terminal, value: unknown): void {
  terminal.out.write(`${JSON.stringify(value)}\n`)
}

/** Columns as wide as their longest cell. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const lines = [head, ...rows]
  const widths = head.map((_, column) => Math.max(...lines.map((line) => width(line[column] ?? ''))))
  return lines.map((line) =>
    line
      .map((cell, column) =>
        column === line.length - 1 ? cell : cell + ' '.repeat((widths[column] ?? 0) - width(cell)),
      )
      .join('  ')
      .trimEnd(),
  )
}

const segments = new Intl.Segmenter()

/** Characters as people count them: an emoji is one, however many code points it has. */
function width(text: string): number {
  return Array.from(segments.segment(text)).length
}

/** A part of the terminal that is drawn over with each change; on a pipe each state is printed once below the other. */
export function createBoard(terminal: Terminal): { draw(lines: readonly string[]): void } {
  let drawn = 0
  let last = ''
  return {
    draw(lines) {
      const text = lines.join('\n')
      if (text === last) return
      last = text
      if (terminal.isInteractive && drawn > 0) terminal.out.write(`\u001B[${drawn}F\u001B[0J`)
      terminal.out.write(`${text}\n`)
      drawn = lines.length
    },
  }
}
