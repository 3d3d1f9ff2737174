import type { WaitReason } from '@inbox-hub/contract'

import type { Link } from '../../sessions/baileys/index.ts'
import type { Pacer } from '../pacing/pacers.ts'
import type { Lane } from './lanes.ts'
import type { Outgoing } from './outgoing.ts'

/** Why a message has not gone out yet. */
export interface Waiting {
  for: WaitReason
  /** Its place among what the session still has to send, from 1. */
  position: number
  /** Unix ms; undefined when nobody can say. */
  expectedAt: number | undefined
}

/** What a message of the lane waits for at `at` (Unix ms); undefined when it is on its way. */
export function waitingOf(
  message: Outgoing,
  lane: Pick<Lane, 'queue' | 'link' | 'quietUntil'>,
  {
    at,
    link,
    isUploading,
    pacer,
  }: { at: number; link: Link | undefined; isUploading: boolean; pacer: Pacer | undefined },
): Waiting | undefined {
  if (message.state.at !== 'queued') return undefined
  const position = lane.queue.positionOf(message)
  const { dueAt } = message.state
  const told = (reason: WaitReason, expectedAt: number | undefined): Waiting => ({
    for: reason,
    position,
    expectedAt,
  })
  if (link === undefined || link !== lane.link) return told('connection', undefined)
  if (isUploading) return told('upload', undefined)
  if (at < lane.quietUntil) return told('quiet', Math.max(lane.quietUntil, dueAt))
  const mayOpenAt = pacer?.newChats.mayOpenAt(message.chat, at)
  if (mayOpenAt !== undefined && mayOpenAt > at) {
    return told('new_chats', position === 1 ? mayOpenAt : undefined)
  }
  const first = pacer === undefined ? undefined : lane.queue.peek(at)
  if (pacer !== undefined && first !== undefined) {
    const firstAt = pacer.mayGoAt(first.chat, at)
    const expected = pacer.expectedAt(position, firstAt, at)
    if (expected === undefined || expected > at) return told('pacing', expected)
  }
  return told('queue', dueAt > at ? dueAt : undefined)
}
