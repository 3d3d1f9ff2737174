import { expect, test } from 'vitest'

import { createBoard, table } from './terminal.ts'
import { fakeTerminal } from './testing/fake-terminal.ts'

test('columns line up, whatever is in them', () => {
  expect(
    table(
      ['ID', 'NAME', 'WHY'],
      [
        ['1', 'soporte ☕', 'x'],
        ['12345', '', ''],
      ],
    ),
  ).toEqual(['ID     NAME       WHY', '1      soporte ☕  x', '12345'])
})

test('a board is drawn over where somebody looks, and told once per change on a pipe', () => {
  const pipe = fakeTerminal({})
  const onPipe = createBoard(pipe)
  onPipe.draw(['waiting'])
  onPipe.draw(['waiting'])
  onPipe.draw(['done'])
  expect(pipe.text).toBe('waiting\ndone\n')

  const screen = fakeTerminal({}, { isInteractive: true })
  const onScreen = createBoard(screen)
  onScreen.draw(['one', 'two'])
  onScreen.draw(['three'])
  expect(screen.text).toBe('one\ntwo\n\u001B[2F\u001B[0Jthree\n')
})
