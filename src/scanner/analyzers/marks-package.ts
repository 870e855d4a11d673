/** Files by whose names the language analyzers go, lock files too. */
const MARKING_NAME = new RegExp(
  `^(?:${[
    'package\\.json|package-lock\\.json|npm-shrinkwrap\\.json|yarn\\.lock|pnpm-lock\\.yaml|bun\\.lock',
    'METADATA|PKG-INFO|.+\\.(?:egg-info|whl|egg)|requirements.*\\.txt|(?:poetry|uv|pdm|pylock).*\\.(?:lock|toml)|Pipfile\\.lock',
    '.+\\.(?:jar|war|ear|par|sar|jpi|hpi|kar|jmod|nar)|pom\\.xml|gradle\\.lockfile',
    '.+\\.gemspec|Gemfile\\.lock|gems\\.locked|installed\\.json|composer\\.lock',
    'go\\.(?:mod|sum)|Cargo\\.lock|.+\\.deps\\.json|packages\\.lock\\.json|packages\\.config|.+\\.(?:nupkg|spdx)',
  ].join('|')})$`,
)

/** Where no distribution puts a program or a library. */
const NO_PROGRAMS =
  /^(?:etc|usr\/(?:include|src|lib\/(?:locale|\.build-id|firmware|modules)|share\/(?:doc|man|info|locale|zoneinfo|icons|i18n|terminfo|mime|bug|lintian|perl5?|fonts|licenses|bash-completion|zsh|vim|help|gir-1\.0|X11))|lib\/(?:firmware|modules))\//

/** Programs of Go and Rust have any name (`kubectl-1.28`): these endings, the bulk of a distribution, they do not have. */
const NO_PROGRAM: ReadonlySet<string> = new Set(
  [
    'py pyc pyi pyo pyx pxd pm pl plx pod al ix ph bs rb rbs ri lua tcl tm php phtml r rds rdb rdx el elc scm awk sed sh bash zsh fish vim',
    'h hh hpp hxx c cc cpp cxx inc s a o la go cs java class properties mod cmake pc m4 am ac in',
    'gz xz bz2 zst zip txt md rst htm html css scss mjs js cjs ts map json yaml yml toml ini conf cfg xml xsl xslt xsd dtd csv tsv dat',
    'svg png gif jpg jpeg ico ttf otf woff woff2 mo po pot gmo qm ui glade gresource gir typelib enc',
    'desktop service socket timer target mount path slice rules pem crt key ko',
  ].flatMap((line) => line.split(' ')),
)

/**
 * Whether a path could be that of a package of a language: by its name, or as a program or library (Go, Rust), whose names say nothing.
 * Asked for every file of every OS package.
 */
export function marksPackage(path: string): boolean {
  const slash = path.lastIndexOf('/')
  const dot = path.lastIndexOf('.')
  const ending = dot > slash ? path.slice(dot + 1).toLowerCase() : ''
  if (slash >= 0 && slash < path.length - 1 && !NO_PROGRAM.has(ending) && !NO_PROGRAMS.test(path)) return true
  return COULD_MARK.has(ending) && MARKING_NAME.test(path.slice(slash + 1))
}

/** The endings of `MARKING_NAME`: most files are told by them alone. */
const COULD_MARK: ReadonlySet<string> = new Set(
  [
    ' json lock yaml toml txt locked lockfile xml config mod sum spdx nupkg gemspec whl egg egg-info',
    'jar war ear par sar jpi hpi kar jmod nar',
  ].flatMap((line) => line.split(' ')),
)
