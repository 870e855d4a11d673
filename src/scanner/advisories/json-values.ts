import { ImportError } from './import-error.ts'
import { MAX_DEPTH, MAX_VALUE_BYTES } from './limits.ts'

const [SPACE, QUOTE, BACKSLASH, COMMA] = [0x20, 0x22, 0x5c, 0x2c]
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d]

/** Takes a text in pieces and hands out what it consists of, one part in memory at a time. */
export interface Splitter {
  push(chunk: Buffer): void
  /** @throws ImportError when the text ends within a value. */
  end(): void
}

export function lineSplitter(onLine: (line: string) => void): Splitter {
  const pending = new Pending('line')
  return {
    push(chunk) {
      let from = 0
      for (let at = chunk.indexOf(0x0a); at >= 0; at = chunk.indexOf(0x0a, from)) {
        onLine(pending.take(chunk.subarray(from, at)))
        from = at + 1
      }
      pending.add(chunk.subarray(from))
    },
    end() {
      const rest = pending.take(Buffer.alloc(0))
      if (rest !== '') onLine(rest)
    },
  }
}

/**
 * The values of a JSON text at `level` 0 (one document after the other) or 1 (the elements of one list, or the members of one object
 * with their keys: `"key": value`), without parsing it. Finds where they end by brackets and quotes only; whoever parses them sees the rest.
 */
export function valueSplitter(level: 0 | 1, onValue: (text: string) => void): Splitter {
  return new ValueSplitter(level, onValue)
}

class ValueSplitter implements Splitter {
  readonly #level: number
  readonly #onValue: (text: string) => void
  readonly #pending = new Pending('value')
  #depth = 0
  #inString = false
  #escaped = false
  #isOpen = false
  /** Where in the present piece the open value begins or goes on. */
  #from = 0

  constructor(level: 0 | 1, onValue: (text: string) => void) {
    this.#level = level
    this.#onValue = onValue
  }

  push(chunk: Buffer): void {
    this.#from = 0
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] as number
      if (this.#inString) this.#inside(byte)
      else if (byte > SPACE) this.#outside(byte, chunk, at)
    }
    if (this.#isOpen) this.#pending.add(chunk.subarray(this.#from))
  }

  end(): void {
    if (this.#depth > 0 || this.#inString) throw new ImportError('it ends within a JSON value: it is cut off')
  }

  #inside(byte: number): void {
    if (this.#escaped) this.#escaped = false
    else if (byte === BACKSLASH) this.#escaped = true
    else if (byte === QUOTE) this.#inString = false
  }

  #outside(byte: number, chunk: Buffer, at: number): void {
    const closes = byte === CLOSE_OBJECT || byte === CLOSE_LIST
    const isBetween = this.#depth === this.#level && (closes || byte === COMMA)
    if (isBetween && this.#level === 1) this.#close(chunk, at)
    else if (!this.#isOpen && this.#depth === this.#level) this.#open(byte, at)
    if (byte === QUOTE) this.#inString = true
    else if (byte === OPEN_OBJECT || byte === OPEN_LIST) this.#deeper()
    else if (closes && --this.#depth < 0) throw notJson()
    if (this.#level === 0 && this.#depth === 0) this.#close(chunk, at + 1)
  }

  #open(byte: number, at: number): void {
    if (this.#level === 0 && byte !== OPEN_OBJECT && byte !== OPEN_LIST) throw notJson()
    this.#isOpen = true
    this.#from = at
  }

  #close(chunk: Buffer, end: number): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#onValue(this.#pending.take(chunk.subarray(this.#from, end)))
  }

  #deeper(): void {
    this.#depth++
    if (this.#depth > MAX_DEPTH) throw new ImportError(`it is nested deeper than ${MAX_DEPTH} levels`)
  }
}

function notJson(): ImportError {
  return new ImportError('it is no JSON')
}

/** The begin of a part whose end is in a later piece. */
class Pending {
  readonly #what: string
  #pieces: Buffer[] = []
  #size = 0

  constructor(what: string) {
    this.#what = what
  }

  add(piece: Buffer): void {
    if (piece.length === 0) return
    this.#count(piece.length)
    this.#pieces.push(piece)
  }

  take(last: Buffer): string {
    this.#count(last.length)
    const whole = this.#pieces.length === 0 ? last : Buffer.concat([...this.#pieces, last])
    this.#pieces = []
    this.#size = 0
    return whole.toString('utf8')
  }

  #count(bytes: number): void {
    this.#size += bytes
    if (this.#size > MAX_VALUE_BYTES)
      throw new ImportError(`a ${this.#what} has more than ${MAX_VALUE_BYTES} bytes, which is the limit`)
  }
}
