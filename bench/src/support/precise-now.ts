/** Unix ms with fractions, comparable between processes of one machine: what is measured across two of them takes few of those. */
export const preciseNow = (): number => performance.timeOrigin + performance.now()
