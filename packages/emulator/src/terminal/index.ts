export { type EmulatorCommandOptions, runEmulatorCommand } from './emulator-command.ts'
