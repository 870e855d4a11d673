import type { Analyzer } from './analyzer.ts'
import { apk } from './apk.ts'
import { apkRepositories } from './apk-repositories.ts'
import { aptSources } from './apt-sources.ts'
import { archives } from './archives.ts'
import { bitnami } from './bitnami.ts'
import { chisel } from './chisel.ts'
import { composer, composerLock } from './composer.ts'
import { dpkg } from './dpkg.ts'
import { gem } from './gem.ts'
import { Holder } from './held-bytes.ts'
import { languageLock } from './language-lock.ts'
import { npm, npmLinked } from './npm.ts'
import { npmLock } from './npm-lock.ts'
import { nuget } from './nuget.ts'
import { osRelease } from './os-release.ts'
import { programs } from './programs.ts'
import { pypi } from './pypi.ts'
import { rpm } from './rpm.ts'

/** Memory for one large file at a time: files of a layer come one after the other. */
const holder = new Holder()

/** All that is looked for in a layer. Added by hand, in the order of the report. */
export const ANALYZERS: readonly Analyzer[] = [
  osRelease,
  apkRepositories,
  aptSources,
  dpkg,
  chisel,
  apk,
  rpm,
  npm,
  npmLinked,
  npmLock,
  languageLock,
  pypi,
  gem,
  composer,
  composerLock,
  nuget,
  bitnami,
  archives(holder),
  programs(holder),
]
