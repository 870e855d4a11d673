// 0002, part of `control-plane`: quotas, and how much was stored and moved on which day. The words in braces: 0001.
export const usage: readonly string[] = []
