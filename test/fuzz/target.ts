/** One parser under fire. */
export interface Target {
  /** Of its corpus, too: `tar`, `rpm-sqlite`. */
  readonly name: string
  /** Small and right: a few kilobytes of the real form. */
  readonly seeds: readonly Uint8Array[]
  /** What the format is made of, put in where it hurts. */
  readonly words?: readonly string[]
  /** `json`: values of the tree are exchanged, so that most of what comes out is JSON. */
  readonly form?: 'json'
  /** Makes checksums right again, so that more than the checksum is tried. */
  readonly mend?: (bytes: Buffer) => void
  /** For the slowest, most of whose time is not the parser's: so much fewer are its runs. */
  readonly fewer?: number
  /** Longer ones are cut. */
  readonly maxBytes?: number
  /**
   * What was answered, in few words: an input with a new answer is kept to go on from. Throws when the parser broke a promise: an
   * error it did not announce, more packages than bytes, silence where something was damaged.
   */
  readonly run: (bytes: Buffer) => string | Promise<string>
}

export const MAX_BYTES = 8 * 1024
