/** The first part of a package URL. Source: purl-spec, "purl types"; `bitnami` and `generic` as syft and OSV use them. */
export const PACKAGE_TYPES = [
  'apk',
  'deb',
  'rpm',
  'npm',
  'pypi',
  'golang',
  'maven',
  'gem',
  'composer',
  'cargo',
  'nuget',
  'bitnami',
] as const
export type PackageType = (typeof PACKAGE_TYPES)[number]

/** A package as it is installed, in the parts of its package URL. */
export interface Package {
  readonly type: PackageType
  /** `debian`, `alpine`, `@scope`, `org.apache.commons`, `github.com/gorilla`; null: none. */
  readonly namespace: string | null
  readonly name: string
  readonly version: string
}

/** A package that an analyzer found in one file of one layer. */
export interface FoundPackage extends Package {
  /** What the vendor's advisories name: the source (deb), origin (apk) or source rpm's name, with its version. Null: they name the package itself. */
  readonly source: { readonly name: string; readonly version: string } | null
  /** `amd64`, `noarch`; null: it has none. */
  readonly architecture: string | null
  /** An rpm's modularity label, such as `nodejs:16:8060020220523160029:ad008a3a`; null: of no module. */
  readonly module: string | null
  /** The file it was found in, or that marks it as installed: relative to the root, without a leading slash. Nested jars: `app.jar!/lib/a.jar`. */
  readonly path: string
  /** Something that makes a match less sure, such as a jar known by its file name only; null: nothing does. */
  readonly doubt: string | null
}
