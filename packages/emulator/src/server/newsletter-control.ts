import { createHash } from 'node:crypto'

import { proto } from '../baileys.ts'
import { bytesOfFile, type MediaContent, mediaOf, toOpenMessage } from '../media/index.ts'
import type { Post, StoredNewsletter } from './newsletters.ts'
import type { Server } from './server.ts'

/** What people do in a newsletter, in a test's hand. Messages are named by the newsletter's own numbers. */
export class NewsletterControl {
  readonly #server: Server
  readonly #newsletter: StoredNewsletter

  constructor(server: Server, newsletter: StoredNewsletter) {
    this.#server = server
    this.#newsletter = newsletter
  }

  /** `1203631…@newsletter` */
  get jid(): string {
    return this.#newsletter.jid
  }

  /** What follows `https://whatsapp.com/channel/`. */
  get invite(): string {
    return this.#newsletter.invite
  }

  get name(): string {
    return this.#newsletter.name
  }

  get description(): string {
    return this.#newsletter.description
  }

  get hasPicture(): boolean {
    return this.#newsletter.picture
  }

  /** Numbers of those who follow it, its owner among them. */
  get followers(): readonly string[] {
    return [...this.#newsletter.followers.keys()].map(({ number }) => number)
  }

  /** The texts that stand in it, oldest first. */
  get texts(): readonly { serverId: number; text: string; reactions: readonly string[] }[] {
    return this.#newsletter.posts
      .filter(({ deleted }) => !deleted)
      .map(({ serverId, plaintext, reactions }) => {
        const { conversation, extendedTextMessage } = proto.Message.decode(plaintext)
        const text = extendedTextMessage?.text ?? conversation ?? ''
        return { serverId, text, reactions: [...reactions.values()] }
      })
  }

  /** Its owner posts; answers the number of the message. */
  posts(text: string): number {
    return this.#server.newsletters.postText(this.#newsletter, text).serverId
  }

  /** Its owner posts a file; answers the number of the message. */
  postsFile(content: MediaContent & { bytes: Uint8Array }): number {
    const plaintext = proto.Message.encode(toOpenMessage(content, this.#server.media)).finish()
    return this.#server.newsletters.post(this.#newsletter, { type: 'media', plaintext }).serverId
  }

  /**
   * A message as a follower has it, with its file, which lies open on the media host.
   *
   * @throws {RangeError} it has none, it is not what the message says, or its stanza did not name the upload
   */
  async opens(serverId: number): Promise<{ message: proto.IMessage; bytes: Buffer }> {
    const { plaintext, mediaId } = this.#post(serverId)
    const message = proto.Message.decode(plaintext)
    const { reference } = mediaOf(message) ?? {}
    const { store, uploads } = this.#server.media
    const found = reference && store.find(reference.directPath)
    if (reference === undefined || found === undefined) throw new RangeError(`${serverId} leads to no file.`)
    const bytes = await bytesOfFile(found.file)
    if (!createHash('sha256').update(bytes).digest().equals(reference.fileSha256))
      throw new RangeError(`The file of ${serverId} is another than its message says.`)
    if (mediaId !== undefined && uploads.get(mediaId) !== reference.directPath)
      throw new RangeError(`The stanza of ${serverId} names another upload than its file's.`)
    return { message, bytes }
  }

  /** Its owner takes a message back. */
  deletes(serverId: number): void {
    this.#server.newsletters.revoke(this.#newsletter, this.#post(serverId))
  }

  /** Somebody follows it. */
  follows(number: string): void {
    this.#newsletter.followers.set(this.#server.accounts.of(number), { muted: false })
  }

  /** Somebody reacts; an empty emoji takes that back. */
  reacts(number: string, serverId: number, emoji: string): void {
    const account = this.#server.accounts.of(number)
    this.#server.newsletters.react(this.#newsletter, account, this.#post(serverId), emoji)
  }

  /** It was seen so many times more. */
  seen(serverId: number, times: number): void {
    this.#server.newsletters.view(this.#newsletter, this.#post(serverId), times)
  }

  /** Its owner renames it. */
  renames(name: string): void {
    this.#newsletter.name = name
    this.#server.newsletters.tellFollowers(this.#newsletter)
  }

  /** Its owner deletes it. */
  ends(): void {
    this.#server.newsletters.delete(this.#newsletter)
  }

  #post(serverId: number): Post {
    const post = this.#newsletter.post(serverId)
    if (post === undefined) throw new RangeError(`${this.jid} has no message ${serverId}.`)
    return post
  }
}
