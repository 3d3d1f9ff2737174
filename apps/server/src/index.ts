/** The gateway as a library: what tests, benchmarks and embedders start and call. */
export { type App, type AppOptions, startApp } from './app.ts'
export {
  type ApiClient,
  type ApiClientOptions,
  ApiError,
  type CallOptions,
  createApiClient,
  HubUnreachable,
} from './client/index.ts'
export { type Config, ConfigRefused, readConfig } from './config.ts'
export type { Clock } from './platform/clock.ts'
export { type Log, type LogLevel, silentLog } from './platform/log.ts'
export { createManualClock, type ManualClock } from './platform/testing/manual-clock.ts'
export {
  accept,
  type ReceivedCall,
  type Receiver,
  type ReceiverOptions,
  startReceiver,
} from './webhooks/sample-receiver.ts'
