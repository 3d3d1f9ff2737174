/** protobufjs answers null or undefined for a field that is not set, depending on how the message was made. */
export function isMissing(value: unknown): value is null | undefined {
  return value === null || value === undefined
}
