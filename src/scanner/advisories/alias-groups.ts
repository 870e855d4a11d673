/** Whoever is, through whomever, an alias of whom: sorted groups of sorted ids, the same whatever order the pairs come in. */
export function aliasGroups(pairs: Iterable<readonly [one: string, other: string]>): string[][] {
  const ids: string[] = []
  const numbers = new Map<string, number>()
  /** By number, who is nearer to the root; a root is its own. */
  const parents: number[] = []
  const numberOf = (id: string): number => {
    const known = numbers.get(id)
    if (known !== undefined) return known
    const number = ids.push(id) - 1
    numbers.set(id, number)
    parents.push(number)
    return number
  }
  const rootOf = (number: number): number => {
    let at = number
    for (let next = parents[at] as number; next !== at; next = parents[at] as number) {
      parents[at] = parents[next] as number // halves the way for whoever comes next
      at = next
    }
    return at
  }
  for (const [one, other] of pairs) parents[rootOf(numberOf(one))] = rootOf(numberOf(other))
  const groups = new Map<number, string[]>()
  for (const id of [...ids].sort()) {
    const root = rootOf(numbers.get(id) as number)
    const known = groups.get(root)
    if (known) known.push(id)
    else groups.set(root, [id])
  }
  return [...groups.values()]
}
