/** Arguments written in one text of ours, parted by blanks: none of them has one inside, and none is a stranger's. */
export function words(text: string): string[] {
  return text.trim().split(/\s+/)
}
