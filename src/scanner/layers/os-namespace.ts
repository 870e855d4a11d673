import type { OsRelease } from '../facts.ts'
import type { PackageType } from '../package.ts'

/** Where package URLs name the vendor and not the os-release ID. Source: purl-spec, types rpm and apk, and the vendors' own documents. */
const VENDORS: Readonly<Record<string, string>> = {
  rhel: 'redhat',
  sles: 'suse',
  sled: 'suse',
  'sle-micro': 'suse',
  bci: 'suse',
  'opensuse-leap': 'opensuse',
  'opensuse-tumbleweed': 'opensuse',
}

/** Whose package it is if nothing says: images with dpkg or apk and no os-release are made by hand from these. */
const USUAL: Readonly<Partial<Record<PackageType, string>>> = { deb: 'debian', apk: 'alpine' }

/** The namespace of an OS package's URL, which its database does not say: the distribution. Null: no OS package, or nobody says. */
export function osNamespace(type: PackageType, os: OsRelease | null): string | null {
  if (type !== 'deb' && type !== 'apk' && type !== 'rpm') return null
  if (os === null) return USUAL[type] ?? null
  return (Object.hasOwn(VENDORS, os.id) ? VENDORS[os.id] : undefined) ?? os.id
}
