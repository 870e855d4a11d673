import { ecosystemOfOs } from '../ecosystem.ts'
import type { Inventory, OsRelease } from '../facts.ts'

/**
 * The last day on which the vendor fixes a release for everybody (paid extensions not counted): after it feeds go silent, and "nothing found" says
 * nothing. Source: the vendors' pages on releases, as of November 2026. Days are UTC.
 */
const LAST_DAY: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  alpine: {
    '3.6': '2019-05-01',
    '3.7': '2019-11-01',
    '3.8': '2020-05-01',
    '3.9': '2020-11-01',
    '3.10': '2021-05-01',
    '3.11': '2021-11-01',
    '3.12': '2022-05-01',
    '3.13': '2022-11-01',
    '3.14': '2023-05-01',
    '3.15': '2023-11-01',
    '3.16': '2024-05-23',
    '3.17': '2024-11-22',
    '3.18': '2025-05-09',
    '3.19': '2025-11-01',
    '3.20': '2026-04-01',
    '3.21': '2026-11-01',
    '3.22': '2027-05-01',
    '3.23': '2027-11-01',
  },
  debian: {
    '8': '2020-06-30',
    '9': '2022-06-30',
    '10': '2024-06-30',
    '11': '2026-08-31',
    '12': '2028-06-30',
    '13': '2030-06-30',
  },
  ubuntu: {
    '14.04': '2019-04-25',
    '16.04': '2021-04-30',
    '18.04': '2023-05-31',
    '20.04': '2025-05-31',
    '22.04': '2027-04-01',
    '24.04': '2029-05-31',
    '24.10': '2025-07-10',
    '25.04': '2026-01-15',
    '25.10': '2026-07-09',
    '26.04': '2031-04-30',
  },
  almalinux: { '8': '2029-03-01', '9': '2032-05-31', '10': '2035-05-31' },
  rocky: { '8': '2029-05-31', '9': '2032-05-31', '10': '2035-05-31' },
  rhel: { '6': '2020-11-30', '7': '2024-06-30', '8': '2029-05-31', '9': '2032-05-31', '10': '2035-05-31' },
  centos: { '6': '2020-11-30', '7': '2024-06-30', '8': '2021-12-31' },
  ol: { '7': '2024-12-31', '8': '2029-07-31', '9': '2032-06-30', '10': '2035-06-30' },
  fedora: { '39': '2024-11-26', '40': '2025-05-13', '41': '2025-12-15', '42': '2026-05-13', '43': '2026-12-09' },
  amzn: { '1': '2023-12-31', '2': '2026-06-30', '2018': '2023-12-31', '2023': '2029-06-30' },
  photon: { '2.0': '2022-12-31', '3.0': '2024-03-01', '4.0': '2026-03-01' },
  mariner: { '1': '2023-07-31', '2': '2025-07-31' },
  'opensuse-leap': { '15.3': '2022-12-31', '15.4': '2023-12-07', '15.5': '2024-12-31', '15.6': '2026-04-30' },
}

/** The last day in milliseconds UTC (its end), or null: not known to end. */
export function endOfLife({ id, versionId }: OsRelease): number | null {
  const releases = Object.hasOwn(LAST_DAY, id) ? LAST_DAY[id] : undefined
  if (!releases || versionId === null) return null
  const [major = '', minor] = versionId.split('.')
  const day = (minor === undefined ? undefined : releases[`${major}.${minor}`]) ?? releases[major]
  return day === undefined ? null : Date.parse(`${day}T23:59:59.999Z`)
}

/** The same of an image: what rolls on (Alpine's edge calls itself by the release to come) does not end. */
export function supportEnds(os: NonNullable<Inventory['os']>): number | null {
  return ecosystemOfOs(os) === 'Alpine:edge' ? null : endOfLife(os)
}
