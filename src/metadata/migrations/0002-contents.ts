// 0002, part of `control-plane`: counters that lists are ordered by. The words in braces: 0001.
export const contents: readonly string[] = []
