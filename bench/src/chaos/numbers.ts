// Numbers that no one owns: a Spanish block for the linked accounts, a British one for the people who write to them.

export const sessionNumber = (index: number): string => `+34600000${String(index).padStart(3, '0')}`

export const peerNumber = (index: number): string => `+447700900${String(index).padStart(3, '0')}`
