import { DomainError } from '../domain/error.ts'
import type { Fragment, SqlArgument, SqlValue } from './metadata-store.ts'

/** How an engine writes a statement. */
export interface StatementWriter<Prepared> {
  /**
   * What of a value changes the text (PostgreSQL: its type). Absent: nothing does, and a template without fragments is
   * found by its identity alone.
   */
  readonly kindOf?: (value: SqlValue) => string
  /** `pieces` is the text around the values: always one more than there are values. */
  prepare(pieces: readonly string[], values: readonly SqlValue[]): Prepared
}

interface Shape<Prepared> {
  prepared?: Prepared
  next?: Map<unknown, Shape<Prepared>>
}

/** A programmer's loop that makes ever new text must not fill the memory; real code has a few hundred shapes. */
const MAX_SHAPES = 5_000

/**
 * Prepared statements by the identity of their template. A template literal is one object for the life of the program,
 * so finding its statement costs a look-up and no string is built; with fragments inside it costs one step for each.
 */
export class Statements<Prepared> {
  readonly #writer: StatementWriter<Prepared>
  #shapes = new WeakMap<readonly string[], Shape<Prepared>>()
  #count = 0

  constructor(writer: StatementWriter<Prepared>) {
    this.#writer = writer
  }

  /** `flat` is `flatten(values)`: the very array `values` where it holds no fragment. */
  find(text: readonly string[], values: readonly SqlArgument[], flat: readonly SqlValue[]): Prepared {
    let shape = this.#shapes.get(text)
    if (shape === undefined) {
      shape = this.#newShape()
      this.#shapes.set(text, shape)
    }
    if (values !== flat || this.#writer.kindOf !== undefined) shape = this.#follow(shape, values)
    shape.prepared ??= this.#writer.prepare(piecesOf(text, values), flat)
    return shape.prepared
  }

  /** One step for each hole, fragments depth first: fragments tell how many holes they have, so no two paths meet. */
  #follow(from: Shape<Prepared>, values: readonly SqlArgument[]): Shape<Prepared> {
    let shape = from
    for (const value of values) {
      if (isFragment(value)) shape = this.#follow(this.#step(shape, keyOf(value)), value.values)
      else shape = this.#step(shape, this.#writer.kindOf?.(value))
    }
    return shape
  }

  #step(shape: Shape<Prepared>, key: unknown): Shape<Prepared> {
    shape.next ??= new Map()
    let next = shape.next.get(key)
    if (next === undefined) {
      next = this.#newShape()
      shape.next.set(key, next)
    }
    return next
  }

  #newShape(): Shape<Prepared> {
    this.#count += 1
    if (this.#count > MAX_SHAPES) {
      this.#shapes = new WeakMap()
      this.#count = 0
    }
    return {}
  }
}

/**
 * The bound values in order, those of fragments in their place; `values` itself where there is no fragment.
 * @throws TypeError for what is no SqlValue: silently it would become NULL, 1 or a fraction.
 */
export function flatten(values: readonly SqlArgument[]): readonly SqlValue[] {
  for (const value of values) {
    if (isFragment(value)) {
      const flat: SqlValue[] = []
      append(flat, values)
      return flat
    }
    checkValue(value)
  }
  return values as readonly SqlValue[]
}

function append(flat: SqlValue[], values: readonly SqlArgument[]): void {
  for (const value of values) {
    if (isFragment(value)) append(flat, value.values)
    else flat.push(checkValue(value))
  }
}

function checkValue(value: SqlValue): SqlValue {
  switch (typeof value) {
    case 'string':
      // PostgreSQL cannot store it, and no name, digest or description needs it.
      if (value.includes('\0')) throw new DomainError('input_invalid', 'Text must not contain the character U+0000.')
      return value
    case 'number':
      if (!Number.isSafeInteger(value)) throw new TypeError(`${value} is no safe integer: no column could hold it`)
      return value
    case 'bigint':
      return value
    default:
      if (value === null || value instanceof Uint8Array) return value
      throw new TypeError(`A ${describe(value)} is no SQL value: write 0, 1, null, text or bytes`)
  }
}

function describe(value: unknown): string {
  return typeof value === 'object' ? (value?.constructor.name ?? 'object') : typeof value
}

function isFragment(value: SqlArgument): value is Fragment {
  return typeof value === 'object' && value !== null && 'text' in value && Array.isArray(value.text)
}

/** Fragments made at run time (`literal()`, a list of so many values) are new objects each time: their text is the key. */
function keyOf({ text }: Fragment): unknown {
  return 'raw' in text ? text : text.join('\0')
}

function piecesOf(text: readonly string[], values: readonly SqlArgument[]): string[] {
  const pieces = ['']
  write(pieces, text, values)
  return pieces
}

function write(pieces: string[], text: readonly string[], values: readonly SqlArgument[]): void {
  if (text.length !== values.length + 1) {
    throw new TypeError(`A statement with ${text.length - 1} holes got ${values.length} values`)
  }
  for (const [index, piece] of text.entries()) {
    if (OWN_PLACEHOLDER.test(piece)) throw new TypeError(`Write values as \${value}: ${piece}`)
    pieces[pieces.length - 1] += piece
    if (index === values.length) break
    const value = values[index] as SqlArgument
    if (isFragment(value)) write(pieces, value.text, value.values)
    else pieces.push('')
  }
}

/** A missing parameter would silently be NULL. */
const OWN_PLACEHOLDER = /\?|\$\d/
