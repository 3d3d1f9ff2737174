import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

import { HubError } from '@inbox-hub/contract'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

import type { UpgradeAnswer } from './http.ts'

/** More in one message of a client is not taken, bytes: nothing that clients send is read. */
const maxPayload = 4 * 1024

/**
 * Requests that ask for a WebSocket. They go the way of every request, keys, limits and error bodies included, with an answer of their own
 * that is written to the connection unless the handler takes it over.
 */
export interface Upgrades {
  /** Node's `shouldUpgradeCallback`: all others are answered as if they had not asked. */
  isWanted: (request: IncomingMessage) => boolean
  follow: (app: FastifyInstance) => void
  /** @throws {HubError} UPGRADE_REQUIRED */
  accept: (request: FastifyRequest, reply: FastifyReply, answer: UpgradeAnswer) => Promise<FastifyReply>
}

export function createUpgrades(paths: () => readonly string[]): Upgrades {
  const asked = new WeakMap<IncomingMessage, { socket: Duplex; head: Buffer }>()
  return {
    isWanted: ({ url, headers }) =>
      headers.upgrade?.toLowerCase() === 'websocket' && paths().includes((url ?? '').replace(/\?.*$/s, '')),
    follow(app) {
      app.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
        asked.set(request, { socket, head })
        // A client that goes away meanwhile is noticed by whoever reads or writes.
        socket.on('error', () => {})
        const response = new ServerResponse(request)
        response.shouldKeepAlive = false
        // Of a server that speaks TCP, the stream is its socket.
        response.assignSocket(socket as Parameters<ServerResponse['assignSocket']>[0])
        response.once('finish', () => socket.end())
        app.routing(request, response)
      })
    },
    async accept({ raw: request }, reply, { upgrade }) {
      const connection = asked.get(request)
      if (connection === undefined) throw new HubError('UPGRADE_REQUIRED')
      const { socket, head } = connection
      // Most hubs never see one.
      const { WebSocketServer } = await import('ws')
      reply.hijack()
      reply.raw.detachSocket(socket as Parameters<ServerResponse['detachSocket']>[0])
      // The request is under way for as long as the connection is open.
      socket.once('close', () => reply.raw.emit('close'))
      const server = new WebSocketServer({ noServer: true, maxPayload, perMessageDeflate: false })
      server.handleUpgrade(request, socket, head, (client) => {
        client.on('error', () => {})
        upgrade(client)
      })
      return reply
    },
  }
}
