/** Events as they happen, to those who stay: server-sent events and WebSockets. */
export { createStreams, type Listener, type Streams, type StreamsDeps } from './streams.ts'
export { serverSentEvents } from './server-sent.ts'
export { overSocket } from './socket.ts'
export { createTickets, type Tickets } from './tickets.ts'
