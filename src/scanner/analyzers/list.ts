import type { Analyzer } from './analyzer.ts'
import { apk } from './apk.ts'
import { apkRepositories } from './apk-repositories.ts'
import { dpkg } from './dpkg.ts'
import { osRelease } from './os-release.ts'
import { rpm } from './rpm.ts'

/** All that is looked for in a layer. Added by hand, in the order of the report. */
export const ANALYZERS: readonly Analyzer[] = [osRelease, apkRepositories, dpkg, apk, rpm]
