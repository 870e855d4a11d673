/** What one file may become when it is unpacked. A bomb stops here, after seconds; the whole of OSV needs less. */
export const MAX_UNPACKED_BYTES = 8 * 1024 ** 3

/** One JSON value or line, which is parsed whole. */
export const MAX_VALUE_BYTES = 32 * 1024 ** 2

/** Depth of a JSON value: whoever walks a deeper one pays with their stack. Real ones stay below 20. */
export const MAX_DEPTH = 100

export const MAX_CSV_FIELD_LENGTH = 1024 ** 2
export const MAX_CSV_COLUMNS = 100
/** Looked through again with each piece that does not end it. */
export const MAX_CSV_ROW_LENGTH = 4 * 1024 ** 2

export const MAX_ZIP_ENTRIES = 5_000_000
export const MAX_ZIP_DIRECTORY_BYTES = 512 * 1024 ** 2

/** In a folder given to import. */
export const MAX_FILES = 1_000_000

export const MAX_ID_LENGTH = 200
export const MAX_NAME_LENGTH = 1000
/** Texts are for people: the rest of a longer one is cut. */
export const MAX_TEXT_LENGTH = 64 * 1024
/** Of one record. Aliases are the dangerous ones: they make groups. */
export const MAX_ALIASES = 1000
export const MAX_COVERED = 10_000
export const MAX_REFERENCES = 100
export const MAX_AFFECTED = 200_000
/** `versions` and `events` of one record together. */
export const MAX_VERSIONS = 500_000

/** Of the bad records of one file, the first are named, all are counted. */
export const MAX_NAMED = 20
