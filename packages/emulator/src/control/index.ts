export { type Control, type ControlOptions, startControl } from './control.ts'
