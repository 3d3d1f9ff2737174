/**
 * Rounds of several contenders one after the other, again and again, after one round each that warms up: a machine that gets slower or
 * faster meanwhile does so for all of them, and what is compared was measured within seconds.
 *
 * @returns the results of each contender, in the order of its rounds.
 */
export async function inTurn<Result>(
  contenders: readonly (() => Promise<Result>)[],
  { rounds }: { rounds: number },
): Promise<readonly (readonly Result[])[]> {
  for (const contend of contenders) await contend()
  const results = contenders.map((): Result[] => [])
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, contend] of contenders.entries()) results[index]?.push(await contend())
  }
  return results
}
