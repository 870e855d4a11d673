import type { Random } from './random.ts'

type Tree = { [key: string]: unknown } | unknown[]

const ODD: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1e308,
  0.1,
  '',
  ' ',
  'x',
  '1',
  '0',
  'v1.0.0',
  '\n',
  '\u0000',
  '\ud800',
  '../..',
  'y'.repeat(600),
  [],
  {},
  [[]],
  [null],
  ['x'],
  { '': '' },
  { name: 'x', version: '1' },
]

/** Another tree of the same words: values exchanged, taken away, moved, nested. Bytes that are no JSON come back as they are. */
export function mutateJson(bytes: Buffer, random: Random): Buffer {
  let root: unknown
  try {
    root = JSON.parse(bytes.toString())
  } catch {
    return bytes
  }
  const times = 1 + random.below(4)
  for (let time = 0; time < times; time += 1) root = changed(root, random)
  return Buffer.from(JSON.stringify(root) ?? '')
}

function changed(root: unknown, random: Random): unknown {
  const places: [Tree, string][] = []
  collect(root, places)
  if (places.length === 0) return structuredClone(random.pick(ODD))
  const [tree, key] = random.pick(places)
  switch (random.below(8)) {
    case 0:
      remove(tree, key)
      break
    case 1:
    case 2: {
      const [other, otherKey] = random.pick(places)
      put(tree, key, structuredClone(at(other, otherKey)))
      break
    }
    case 3: // the key of one with the value of another
      put(tree, random.pick(places)[1], structuredClone(at(tree, key)))
      break
    case 4:
      put(tree, key, nested(at(tree, key), 1 + random.below(random.once(8) ? 200 : 3), random.once(2)))
      break
    case 5: {
      const value = at(tree, key)
      if (typeof value === 'string') put(tree, key, edited(value, random))
      else put(tree, key, structuredClone(random.pick(ODD)))
      break
    }
    default:
      put(tree, key, structuredClone(random.pick(ODD)))
  }
  return JSON.stringify(root).length > 16_000 ? structuredClone(random.pick(ODD)) : root
}

function collect(value: unknown, places: [Tree, string][], depth = 0): void {
  if (typeof value !== 'object' || value === null || depth > 60) return
  for (const [key, child] of Object.entries(value)) {
    places.push([value as Tree, key])
    collect(child, places, depth + 1)
  }
}

function at(tree: Tree, key: string): unknown {
  return (tree as { [key: string]: unknown })[key]
}

function put(tree: Tree, key: string, value: unknown): void {
  if (Array.isArray(tree)) tree[Number(key) >>> 0 < 1000 ? Number(key) >>> 0 : 0] = value
  else Object.defineProperty(tree, key, { value, enumerable: true, configurable: true, writable: true })
}

function remove(tree: Tree, key: string): void {
  if (Array.isArray(tree)) tree.splice(Number(key) >>> 0, 1)
  else delete tree[key]
}

function nested(value: unknown, times: number, inLists: boolean): unknown {
  let result = value
  for (let time = 0; time < times; time += 1) result = inLists ? [result] : { dependencies: { x: result } }
  return result
}

function edited(text: string, random: Random): string {
  const place = random.below(text.length + 1)
  const middle = random.pick([
    '',
    ' ',
    '-',
    '.',
    ':',
    '/',
    '@',
    '0',
    '\t',
    '\u00a0',
    '\ud83d',
    '99999999999999999999',
    text,
  ])
  return text.slice(0, place) + middle + text.slice(place + random.below(3))
}
