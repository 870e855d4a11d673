import { word } from './os-database.ts'

/**
 * `bash-5.1.8-4.el9.src.rpm` is version 5.1.8-4.el9 of bash. The file name has no epoch; it is taken to be that of the binary.
 * @returns null for a name of another form.
 */
export function sourceOfRpm(file: string, epochPrefix: string): { name: string; version: string } | null {
  const [, name, version] = /^(.+)-([^-]+-[^-]+)\.(?:no)?src\.rpm$/.exec(file) ?? []
  if (name === undefined || version === undefined) return null
  return { name: word(name, 'source name'), version: word(`${epochPrefix}${version}`, 'source version') }
}
