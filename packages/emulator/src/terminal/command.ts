/** What can be typed at the terminal phone. */
export type Command =
  | { do: 'scan'; qr: string }
  | { do: 'code'; code: string }
  | { do: 'say'; to: string; text: string }
  | { do: 'file'; to: string; path: string; caption: string | undefined }
  | { do: 'save'; path: string }
  | { do: 'post'; text: string; audience: readonly string[] }
  | { do: 'read'; chat: string | undefined }
  | { do: 'type'; to: string }
  | { do: 'name'; name: string }
  | { do: 'about'; text: string }
  | { do: 'block' | 'unblock'; number: string }
  | { do: 'call'; to: string; video: boolean }
  | { do: 'hangup'; to: string; callId: string }
  | { do: 'use'; number: string }
  | { do: 'group'; subject: string; members: readonly string[] }
  | { do: 'do'; method: string; path: string; fields: Readonly<Record<string, string>> }
  | { do: 'can'; word: string }
  | { do: 'unlink' | 'drop' | 'offline' | 'online' | 'inbox' | 'status' | 'help' | 'quit' }

/** A line that is no command; its message says what is. */
class CommandError extends Error {
  override readonly name = 'CommandError'
}

interface Usage {
  /** What follows the word. */
  takes: string
  about: string
  parse(rest: string): Command
}

const simple = (
  command: 'unlink' | 'drop' | 'offline' | 'online' | 'inbox' | 'status' | 'help' | 'quit',
) => ({
  takes: '',
  parse: (): Command => ({ do: command }),
})

/** Every command: the one list that parsing and help are made from. */
const usages: Readonly<Record<Command['do'], Usage>> = {
  scan: {
    takes: '<qr text>',
    about: 'link the client that shows this QR code',
    parse: (rest) => ({ do: 'scan', qr: needed(rest, 'the text of the QR code') }),
  },
  code: {
    takes: '<code>',
    about: 'link the client that shows this pairing code',
    parse: (rest) => ({ do: 'code', code: needed(rest, 'the code') }),
  },
  say: {
    takes: '<number or group> <text>',
    about: 'send a text',
    parse: (rest) => {
      const [to, text] = halves(rest)
      return { do: 'say', to: needed(to, 'a number'), text: needed(text, 'a text') }
    },
  },
  file: {
    takes: '<number or group> <path> [caption]',
    about: 'send a file of this machine; what kind of message it is follows from its name',
    parse: (rest) => {
      const [to, file] = halves(rest)
      const [path, caption] = halves(file)
      return {
        do: 'file',
        to: needed(to, 'a number'),
        path: needed(path, 'a path without spaces'),
        caption: caption === '' ? undefined : caption,
      }
    },
  },
  save: {
    takes: '<path>',
    about: 'download the file that came last, check it and write it there',
    parse: (rest) => ({ do: 'save', path: needed(rest, 'a path') }),
  },
  post: {
    takes: '<number,number,…> <text>',
    about: 'post a status for these people',
    parse: (rest) => {
      const [audience, text] = halves(rest)
      return {
        do: 'post',
        audience: needed(audience, 'numbers, with commas between them').split(','),
        text: needed(text, 'a text'),
      }
    },
  },
  read: {
    takes: '[number or group]',
    about: 'mark a chat, or all, as read',
    parse: (rest) => ({ do: 'read', chat: rest === '' ? undefined : rest }),
  },
  type: {
    takes: '<number or group>',
    about: 'show as typing',
    parse: (rest) => ({ do: 'type', to: needed(rest, 'a number') }),
  },
  about: {
    takes: '<text>',
    about: 'change what the phone says about itself',
    parse: (rest) => ({ do: 'about', text: needed(rest, 'a text') }),
  },
  block: {
    takes: '<number>',
    about: 'block somebody',
    parse: (rest) => ({ do: 'block', number: needed(rest, 'a number') }),
  },
  unblock: {
    takes: '<number>',
    about: 'hear from them again',
    parse: (rest) => ({ do: 'unblock', number: needed(rest, 'a number') }),
  },
  call: {
    takes: '<number or group> [video]',
    about: 'call',
    parse: (rest) => {
      const [to, kind] = halves(rest)
      return { do: 'call', to: needed(to, 'a number'), video: kind === 'video' }
    },
  },
  hangup: {
    takes: '<number or group> <call id>',
    about: 'end a call',
    parse: (rest) => {
      const [to, callId] = halves(rest)
      return { do: 'hangup', to: needed(to, 'a number'), callId: needed(callId, 'the id of the call') }
    },
  },
  inbox: { ...simple('inbox'), about: 'show the latest messages and their ids' },
  use: {
    takes: '<number>',
    about: 'take another phone in hand',
    parse: (rest) => ({ do: 'use', number: needed(rest, 'a number') }),
  },
  name: {
    takes: '<name>',
    about: 'change what the phone calls itself',
    parse: (rest) => ({ do: 'name', name: needed(rest, 'a name') }),
  },
  group: {
    takes: '<subject> <number> …',
    about: 'make a group with these members',
    parse: (rest) => {
      const [subject, members] = halves(rest)
      return {
        do: 'group',
        subject: needed(subject, 'a subject of one word'),
        members: needed(members, 'members').split(/\s+/),
      }
    },
  },
  do: {
    takes: '[method] <path> [field=value …]',
    about: 'anything of the control API, for the phone in hand: do reactions messageId=3EB0… emoji=👍',
    parse: (rest) => {
      const [first = '', ...others] = wordsOf(rest)
      const hasMethod = methods.has(first)
      const [path = '', ...pairs] = hasMethod ? others : [first, ...others]
      return {
        do: 'do',
        method: hasMethod ? first : 'POST',
        path: needed(path, 'a path'),
        fields: Object.fromEntries(
          pairs.map((pair) => {
            const at = pair.indexOf('=')
            if (at < 1) throw new CommandError(`"${pair}" is no field=value.`)
            return [pair.slice(0, at), pair.slice(at + 1)]
          }),
        ),
      }
    },
  },
  can: {
    takes: '[word]',
    about: 'list what do can do, and the fields it takes; those that mention a word',
    parse: (rest) => ({ do: 'can', word: rest }),
  },
  offline: { ...simple('offline'), about: 'lose the network' },
  online: { ...simple('online'), about: 'have it back' },
  drop: { ...simple('drop'), about: 'break the connections of its linked clients' },
  unlink: { ...simple('unlink'), about: 'unlink its clients' },
  status: { ...simple('status'), about: 'show the phone and its clients' },
  help: { ...simple('help'), about: 'show this' },
  quit: { ...simple('quit'), about: 'end the emulator' },
}

/** @throws {CommandError} */
export function parseCommand(line: string): Command {
  const [word, rest] = halves(line.trim())
  const usage = Object.entries(usages).find(([name]) => name === word)?.[1]
  if (usage === undefined) throw new CommandError(`There is no "${word}". Try help.`)
  return usage.parse(rest)
}

/** One line for each command. */
export function help(): string {
  const left = Object.entries(usages).map(([word, { takes, about }]) => ({ left: `${word} ${takes}`, about }))
  const width = Math.max(...left.map(({ left }) => left.length))
  return left.map(({ left, about }) => `  ${left.padEnd(width)}  ${about}`).join('\n')
}

/** The first word, and what follows it. */
function halves(text: string): [string, string] {
  const space = text.search(/\s/)
  return space < 0 ? [text, ''] : [text.slice(0, space), text.slice(space).trim()]
}

const methods: ReadonlySet<string> = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])

/** Words, those in quotes and JSON in one piece: `text="See you" members=["+12025550123", "+12025550124"]`. */
function wordsOf(text: string): string[] {
  return [...text.matchAll(/(?:"[^"]*"|\[[^\]]*\]|\{.*\}|[^\s"[{])+/g)].map(([word]) =>
    word.replace(/=\s*"([^"]*)"$/, '=$1'),
  )
}

function needed(part: string, what: string): string {
  if (part === '') throw new CommandError(`That needs ${what}. Try help.`)
  return part
}
