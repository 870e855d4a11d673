import { UsageError } from './define.ts'

/** @throws UsageError */
export function contractPath(number: string): string {
  if (!/^[1-9]\d{0,14}$/.test(number)) throw new UsageError(`"${number}" is not the number of a contract`)
  return `/api/v1/contracts/${number}`
}
