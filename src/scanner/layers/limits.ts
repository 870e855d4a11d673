/**
 * Everything that whoever made an image can size has a bound; beyond it the image is Unknown, with the bound named. They are
 * far above what real images need: the largest seen have some 300,000 entries and 20 GB uncompressed.
 */
export interface LayerLimits {
  /** A gzip of zeros grows a thousandfold: a 64 MB layer would keep a worker busy for minutes. */
  readonly maxUncompressedBytes: number
  readonly maxEntries: number
  /**
   * A pax or GNU long-name header must be read whole before its entry has a name, and its size is whatever the author typed.
   * Measured elsewhere without this limit: a 522 kB gzip layer made a reader hold 1 GiB.
   */
  readonly maxHeaderBytes: number
  /** Of an entry, and of what a link names. */
  readonly maxPathBytes: number
  /** Directories in each other: every one of them is looked up, for every file and layer. */
  readonly maxPathParts: number
  /** Bytes of files that analyzers hold at a time, over all files of the layer. */
  readonly maxHeldBytes: number
  /** Facts kept of one layer: packages, problems. */
  readonly maxPackages: number
  readonly maxProblems: number
  /** Characters of everything kept of a layer's files, as JSON: a million files that say nothing, and paths of 8 kB, take memory too. */
  readonly maxFactCharacters: number
  /** Characters of links and of what is hidden in the layers below. */
  readonly maxLinkCharacters: number
  /** Of the processor's time, by the clock it is given. */
  readonly maxMs: number
}

export const LAYER_LIMITS: LayerLimits = {
  maxUncompressedBytes: 64 * 1024 ** 3,
  maxEntries: 2_000_000,
  maxHeaderBytes: 1024 * 1024,
  // PATH_MAX of Linux: nothing longer can be opened.
  maxPathBytes: 4096,
  maxPathParts: 256,
  maxHeldBytes: 128 * 1024 * 1024,
  maxPackages: 200_000,
  maxProblems: 1_000,
  maxFactCharacters: 24 * 1024 * 1024,
  maxLinkCharacters: 32 * 1024 * 1024,
  maxMs: 600_000,
}
