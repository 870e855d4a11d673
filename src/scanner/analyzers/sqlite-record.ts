import { varint } from './sqlite-page.ts'

/** Bytes of integers and floats, by serial type. Source: SQLite's "Database File Format", 2.1. */
const SIZES = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0]

/** The bytes of each of a record's columns, which must be as many as said and fill it. */
export function fieldsOf(record: Buffer, columns: number): Buffer[] {
  const header = varint(record, 0)
  if (header.value > record.length) throw new Error('a row is shorter than its header')
  const fields: Buffer[] = []
  let [at, start] = [header.end, header.value]
  while (at < header.value) {
    const type = varint(record, at)
    const size = type.value >= 12 ? Math.floor((type.value - 12) / 2) : SIZES[type.value]
    if (size === undefined || start + size > record.length) throw new Error('a row has a value that does not fit')
    if (fields.length === columns) throw new Error('a row has more columns than its table')
    fields.push(record.subarray(start, start + size))
    start += size
    at = type.end
  }
  if (at !== header.value || fields.length !== columns || start !== record.length) {
    throw new Error('a row has another size than it says')
  }
  return fields
}

/** Of up to 6 bytes; types 8 and 9, the numbers 0 and 1, have none and are no page. */
export function integerOf(field: Buffer): number {
  if (field.length < 1 || field.length > 6) throw new Error('a number is of another size')
  return field.readIntBE(0, field.length)
}
