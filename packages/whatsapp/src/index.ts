export * from './content.ts'
export * from './disconnect.ts'
export * from './jid.ts'
export * from './phone.ts'
