/** The file is not taken in; `message` says why, for people. */
export class ImportError extends Error {
  override readonly name = 'ImportError'
}

/** One record is not taken in; the file goes on. */
export class BadRecord extends Error {
  override readonly name = 'BadRecord'
}

/** Nothing is wrong with it, but it says nothing of vulnerabilities. */
export class NotAdvisories extends Error {
  override readonly name = 'NotAdvisories'
}
