/** Runs acts once the stanza being routed has reached everybody: no receipt overtakes a server's ack. */
export type Later = (act: () => void) => void

export function createLater(): Later {
  let due: (() => void)[] = []
  return (act) => {
    due.push(act)
    if (due.length > 1) return
    queueMicrotask(() => {
      const acts = due
      due = []
      for (const act of acts) act()
    })
  }
}
