import type { Target } from './target.ts'
import { ADVISORY_TARGETS } from './targets/advisories.ts'
import { ARCHIVE_TARGETS } from './targets/archives.ts'
import { LANGUAGE_TARGETS } from './targets/languages.ts'
import { LAYER_TARGETS } from './targets/layers.ts'
import { OS_TARGETS } from './targets/os.ts'
import { RPM_TARGETS } from './targets/rpm.ts'
import { VERSION_TARGETS } from './targets/versions.ts'

/** Every parser that meets bytes of strangers. */
export const TARGETS: readonly Target[] = [
  ...LAYER_TARGETS,
  ...OS_TARGETS,
  ...RPM_TARGETS,
  ...LANGUAGE_TARGETS,
  ...ARCHIVE_TARGETS,
  ...ADVISORY_TARGETS,
  ...VERSION_TARGETS,
]
