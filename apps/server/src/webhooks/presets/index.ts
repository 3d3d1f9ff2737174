import type { PresetName } from '../tables.ts'
import { cloudevents } from './cloudevents.ts'
import { legacy } from './legacy.ts'
import type { Preset } from './preset.ts'
import { standard } from './standard.ts'

export type { Attempt, Ping, Preset, Telling, WaitingQr } from './preset.ts'

/** How a receiver wants to be told. */
export const presets: Readonly<Record<PresetName, Preset>> = { legacy, standard, cloudevents }
