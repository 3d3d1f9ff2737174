export { createHttp, type HttpOptions } from './create-http.ts'
export type {
  Answer,
  ApiRequest,
  Audited,
  FormRequest,
  Handler,
  Http,
  RawAnswer,
  UpgradeAnswer,
} from './http.ts'
export { type Grant, holds } from './grant.ts'
export { openApiDocument } from './openapi.ts'
export { parseRateLimits, type RateLimits, usualRateLimits } from './rate-limits.ts'
