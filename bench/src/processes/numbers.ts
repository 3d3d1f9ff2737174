/** The number of the n-th linked session, out of the numbers that no one owns. */
export const sessionNumber = (index: number): string => `+34600000${String(index).padStart(3, '0')}`

/** The number of the n-th customer. */
export const customerNumber = (index: number): string => `+447700900${String(index).padStart(3, '0')}`
