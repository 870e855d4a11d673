/** One check of the suite: one request or a few that belong together. */
export type Case = {
  /** As `image/push/manifest-by-digest`; the same name comes once for each blob, manifest or tag. */
  name: string
  status: 'passed' | 'skipped' | 'failure' | 'error'
  /** The tag or digest that the first request names, if it names one. */
  reference: string | undefined
  /** What the suite complains about, one line per complaint. */
  errors: string
  /** The requests and answers, as the suite prints them. */
  exchange: string
}

/** The suite's own totals. A disabled case is one that the configuration turned off; it is listed as skipped. */
export type Totals = { tests: number; failures: number; errors: number; skipped: number; disabled: number }

export type Report = {
  totals: Totals
  cases: Case[]
  /** Status by interface, as `Blob post only` → `Pass`. */
  apis: Map<string, string>
  /** Status by data set, as `Nested Index` → `Pass`. */
  data: Map<string, string>
}

/** Reads the two reports that the suite leaves. Throws when one of them is not what this suite writes. */
export function readReport(junit: string, results: string): Report {
  return { ...readJunit(junit), apis: section(results, 'apis'), data: section(results, 'data') }
}

const root = 'OCI Conformance Test/'

/** Its writer escapes `<`, `>` and quotes everywhere, so that no text looks like a tag. */
function readJunit(xml: string): Pick<Report, 'totals' | 'cases'> {
  const suite = xml.match(/<testsuite (?<attributes>[^>]*)>/)?.groups?.['attributes']
  if (suite === undefined || !xml.trimEnd().endsWith('</testsuites>')) throw new Error('junit.xml is not complete')
  const cases = [...xml.matchAll(/<testcase (?<attributes>[^>]*)>(?<content>.*?)<\/testcase>/gs)].map(({ groups }) =>
    readCase(groups?.['attributes'] ?? '', groups?.['content'] ?? ''),
  )
  const total = (name: string): number => Number(attribute(suite, name) ?? 0)
  const totals = {
    tests: total('tests'),
    failures: total('failures'),
    errors: total('errors'),
    skipped: total('skipped'),
    disabled: total('disabled'),
  }
  return { totals, cases }
}

function readCase(attributes: string, content: string): Case {
  const name = attribute(attributes, 'name') ?? ''
  const status = attribute(attributes, 'status') ?? ''
  if (!name.startsWith(root) || !isStatus(status)) throw new Error(`junit.xml has an unknown case: ${attributes}`)
  const exchange = element(content, 'system-err')
  const reference = exchange.match(/^URL: \S+?\/(?:manifests|blobs|referrers)\/(?<reference>[^\s?/]+)(?:\?\S*)?$/m)
  return {
    name: name.slice(root.length),
    status,
    reference: reference?.groups?.['reference'],
    errors: element(content, 'system-out'),
    exchange,
  }
}

function isStatus(text: string): text is Case['status'] {
  return ['passed', 'skipped', 'failure', 'error'].includes(text)
}

function attribute(attributes: string, name: string): string | undefined {
  const value = attributes.match(new RegExp(`(?:^| )${name}="(?<value>[^"]*)"`))?.groups?.['value']
  return value === undefined ? undefined : unescapeXml(value)
}

function element(content: string, name: string): string {
  const text = content.match(new RegExp(`<${name}>(?<text>.*?)</${name}>`, 's'))?.groups?.['text'] ?? ''
  return unescapeXml(text)
}

const named: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

function unescapeXml(text: string): string {
  return text.replace(/&(?:#x(?<hex>[0-9A-Fa-f]+)|#(?<decimal>\d+)|(?<name>\w+));/g, (whole, hex, decimal, name) => {
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16))
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal))
    return named[name] ?? whole
  })
}

/** `apis:` and `data:` are flat: `  Name: Status`. */
function section(yaml: string, name: string): Map<string, string> {
  const lines = yaml.split('\n')
  const start = lines.indexOf(`${name}:`)
  if (start < 0) throw new Error(`results.yaml has no section ${name}`)
  const entries = new Map<string, string>()
  for (const line of lines.slice(start + 1)) {
    const match = line.match(/^ {2}(?<key>[^:]+): (?<value>\w+)$/)
    if (match?.groups === undefined) break
    entries.set(match.groups['key'] ?? '', match.groups['value'] ?? '')
  }
  return entries
}
