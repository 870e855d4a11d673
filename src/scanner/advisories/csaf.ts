import { isRedHatSource, redHatSource } from '../ecosystem.ts'
import type { AffectedRange, Score } from './advisory-index.ts'
import { ANY_MODULE, NO_MODULE } from './advisory-index.ts'
import { scoreOf } from './cvss.ts'
import type { Fields } from './fields.ts'
import { cveOf, fieldsOf, isFields, listOf, nameOf, numberOf, stringsOf, textOf, timeOf } from './fields.ts'
import { BadRecord } from './import-error.ts'
import type { TakenAffected, TakenRecord } from './intake.ts'
import { MAX_AFFECTED, MAX_DEPTH, MAX_REFERENCES } from './limits.ts'

/** What a product id stands for: a package, and the release that it is of. */
interface Product {
  readonly ecosystem: string
  /** `redHatSource`'s for a source. */
  readonly name: string
  /** With its epoch; null: any. */
  readonly version: string | null
  readonly module: string
}

export function isCsaf(value: Fields): boolean {
  const category = fieldsOf(value['document'])['category']
  return typeof category === 'string' && category.startsWith('csaf_') && Array.isArray(value['vulnerabilities'])
}

/**
 * Red Hat's word on each CVE of a CSAF or VEX document, for the releases of Red Hat Enterprise Linux itself: those with extended
 * support (EUS, AUS …) get fixes of their own. Source: CSAF 2.0; security.access.redhat.com/data/csaf/v2/vex.
 */
export function recordsOfCsaf(value: Fields): TakenRecord[] {
  const document = fieldsOf(value['document'])
  const tracking = fieldsOf(document['tracking'])
  if (fieldsOf(document['publisher'])['name'] !== 'Red Hat Product Security')
    throw new BadRecord(
      'it is not of Red Hat Product Security; of other publishers we do not know how they name products',
    )
  const products = productsOf(fieldsOf(value['product_tree']))
  const modified = timeOf(tracking['current_release_date']) ?? 0
  const severity = fieldsOf(document['aggregate_severity'])['text']
  const common = { modified, withdrawn: false, state: 'redhat-vex', kind: 'CSAF', source: 'redhat-vex', covers: [] }
  return listOf(value['vulnerabilities'], 'vulnerabilities', MAX_AFFECTED)
    .map(fieldsOf)
    .map((one) => {
      const cve = cveOf(one['cve'])
      const word = typeof severity === 'string' && /^[A-Za-z]{1,40}$/.test(severity) ? severity : null
      return {
        ...common,
        // A VEX document is about one CVE; an erratum (RHSA) about several, and not the last word on any.
        group:
          document['category'] === 'csaf_vex' ? 'redhat-vex' : `redhat-vex/${textOf(tracking['id'])?.slice(0, 100)}`,
        id: `REDHAT-${cve}`,
        aliases: [cve],
        summary: textOf(one['title']) ?? textOf(document['title']),
        details: noteOf(one),
        publishedAt: timeOf(one['release_date']) ?? timeOf(tracking['initial_release_date']),
        references: referencesOf(one),
        scores: scoresOf(one),
        affected: affectedOf(one, products, word),
      }
    })
}

/** What products and relationships say, before it is put together. */
interface Tree {
  /** Ecosystems, by the id of a release. */
  readonly releases: Map<string, string>
  /** Purls, by the id of a package. */
  readonly packages: Map<string, string>
  readonly parts: Map<string, { readonly reference: string; readonly of: string }>
}

function productsOf(value: Fields): ReadonlyMap<string, readonly Product[]> {
  const tree: Tree = { releases: new Map(), packages: new Map(), parts: new Map() }
  collect(value['branches'], tree.releases, tree.packages, 0)
  for (const relationship of listOf(value['relationships'], 'relationships', MAX_AFFECTED * 5).map(fieldsOf)) {
    const { product_reference: reference, relates_to_product_reference: of } = relationship
    const id = fieldsOf(relationship['full_product_name'])['product_id']
    if (typeof id === 'string' && typeof reference === 'string' && typeof of === 'string')
      tree.parts.set(id, { reference, of })
  }
  const found = new Map<string, readonly Product[]>()
  for (const [id, { reference, of }] of tree.parts) {
    const place = placeOf(of, tree, 0)
    if (place === null) continue
    const purl = tree.packages.get(reference) ?? reference
    const products = purl.startsWith('pkg:') ? ofPurl(place.ecosystem, purl) : ofName(place.ecosystem, purl)
    found.set(
      id,
      products.map((one) => (place.module === null ? one : { ...one, module: place.module })),
    )
  }
  return found
}

/** A package may be part of a module (`nodejs:16:8060…:abc`), which is part of a release. */
function placeOf(id: string, tree: Tree, depth: number): { ecosystem: string; module: string | null } | null {
  const ecosystem = tree.releases.get(id)
  if (ecosystem !== undefined) return { ecosystem, module: null }
  const part = tree.parts.get(id)
  const place = part === undefined || depth > MAX_DEPTH ? null : placeOf(part.of, tree, depth + 1)
  if (!part || !place) return null
  const purl = tree.packages.get(part.reference)
  const named = purl === undefined ? part.reference : (/^pkg:rpmmod\/redhat\/([^?#]+)/.exec(purl)?.[1] ?? '')
  const [name = '', stream = ''] = decoded(named).replace('@', ':').split(':')
  return { ...place, module: name !== '' && stream !== '' ? `${name}:${stream}` : place.module }
}

function collect(branches: unknown, releases: Map<string, string>, packages: Map<string, string>, depth: number): void {
  if (!Array.isArray(branches) || depth > MAX_DEPTH) return
  for (const branch of branches.map(fieldsOf)) {
    collect(branch['branches'], releases, packages, depth + 1)
    const product = fieldsOf(branch['product'])
    const { cpe, purl } = fieldsOf(product['product_identification_helper'])
    const id = product['product_id']
    if (typeof id !== 'string') continue
    const major =
      typeof cpe === 'string' ? /^cpe:\/[ao]:redhat:enterprise_linux:(\d{1,3})(\.\d+)?(::|$)/.exec(cpe)?.[1] : undefined
    if (major !== undefined) releases.set(id, `Red Hat:${major}`)
    if (typeof purl === 'string') packages.set(id, purl)
  }
}

/** Of `pkg:rpm/redhat/NAME@VERSION?arch=…&epoch=…&rpmmod=…`; what has no fix has no version, and is often named by its source alone. */
function ofPurl(ecosystem: string, purl: string): Product[] {
  const [, path = '', query = ''] = /^pkg:rpm\/redhat\/([^?#]+)\??([^#]*)/.exec(purl) ?? []
  const [name = '', version] = path.split('@')
  if (name === '') return []
  const qualifiers = new URLSearchParams(query)
  const epoch = qualifiers.get('epoch')
  const full = version === undefined ? null : `${epoch !== null && epoch !== '0' ? `${epoch}:` : ''}${decoded(version)}`
  const module = qualifiers.get('rpmmod')?.split(':').slice(0, 2).join(':')
  const isSource = qualifiers.get('arch') === 'src'
  return [
    {
      ecosystem,
      name: isSource ? redHatSource(decoded(name)) : decoded(name),
      version: full,
      module: module ?? (isOfModule(full) ? ANY_MODULE : NO_MODULE),
    },
  ]
}

function isOfModule(version: string | null): boolean {
  return version !== null && /[.+]module[_+]/.test(version)
}

/** Of `NAME`, `NAME.src`, `NAME::STREAM` or `STREAM/NAME`, as products without a fix are called that have no purl: a package, a source, or both. */
function ofName(ecosystem: string, reference: string): Product[] {
  const [, before, full = '', after] = /^(?:([^/]+)\/)?([A-Za-z0-9][\w.+-]*)(?:::(.+))?$/.exec(reference) ?? []
  if (full === '') return []
  const stream = after ?? before
  const module = stream?.includes(':') ? stream.split(':').slice(0, 2).join(':') : NO_MODULE
  const name = full.replace(/\.src$/, '')
  const names = full === name ? [name, redHatSource(name)] : [redHatSource(name)]
  return names.map((one) => ({ ecosystem, name: one, version: null, module }))
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function affectedOf(
  one: Fields,
  products: ReadonlyMap<string, readonly Product[]>,
  severity: string | null,
): TakenAffected[] {
  const status = fieldsOf(one['product_status'])
  const whyNot = reasonsOf(one)
  const add = (key: string, make: (product: Product, id: string) => Pick<TakenAffected, 'ranges' | 'status'> | null) =>
    stringsOf(status[key], MAX_AFFECTED).flatMap((id) =>
      (products.get(id) ?? []).flatMap((product) => {
        const made = make(product, id)
        if (made === null) return []
        const { ecosystem, name, module } = product
        return [{ ecosystem, name: nameOf(name, 'a package'), module, versions: [], vendorSeverity: severity, ...made }]
      }),
    )
  const told = [
    // Of what is fixed every package is named beside its source.
    ...add('fixed', ({ name, version }) =>
      version === null || isRedHatSource(name) ? null : { ranges: [until(version)], status: null },
    ),
    ...add('known_affected', (_, id) => ({ ranges: [until(null)], status: whyNot.get(id) ?? null })),
    ...add('under_investigation', () => ({ ranges: [until(null)], status: 'under_investigation' })),
  ]
  // One build that is not affected says nothing of others, where others are.
  const isTold = new Set(told.map(keyOf))
  const cleared = add('known_not_affected', (product) =>
    product.version !== null && isTold.has(keyOf(product)) ? null : { ranges: [], status: 'not_affected' },
  )
  const all = [...told, ...cleared]
  // The same package for each architecture.
  return [...new Map(all.map((affected) => [JSON.stringify(affected), affected])).values()]
}

function keyOf({ ecosystem, name, module }: Pick<TakenAffected, 'ecosystem' | 'name' | 'module'>): string {
  return JSON.stringify([ecosystem, name, module])
}

/** What will not be fixed and what not yet, by product. */
function reasonsOf(one: Fields): ReadonlyMap<string, 'wont_fix' | 'deferred'> {
  const reasons = new Map<string, 'wont_fix' | 'deferred'>()
  const remediations = Array.isArray(one['remediations']) ? one['remediations'].map(fieldsOf) : []
  for (const { category, details, product_ids: ids } of remediations) {
    const isDeferred = category === 'none_available' || details === 'Fix deferred'
    if (category !== 'no_fix_planned' && !isDeferred) continue
    for (const id of stringsOf(ids, MAX_AFFECTED)) reasons.set(id, isDeferred ? 'deferred' : 'wont_fix')
  }
  return reasons
}

function until(fixed: string | null): AffectedRange {
  return { type: 'ECOSYSTEM', events: [{ introduced: '0' }, ...(fixed === null ? [] : [{ fixed }])] }
}

function scoresOf(one: Fields): Score[] {
  const given = Array.isArray(one['scores']) ? one['scores'].filter(isFields).slice(0, 100) : []
  const scores = given.flatMap(({ cvss_v2: two, cvss_v3: three, cvss_v4: four }) =>
    [two, three, four]
      .map(fieldsOf)
      .map(({ vectorString, baseScore }) => scoreOf('Red Hat', textOf(vectorString), numberOf(baseScore))),
  )
  return [...new Map(scores.filter((score) => score !== null).map((score) => [JSON.stringify(score), score])).values()]
}

function noteOf(one: Fields): string | null {
  const notes = Array.isArray(one['notes']) ? one['notes'].map(fieldsOf) : []
  return textOf(notes.find(({ category }) => category === 'description')?.['text'])
}

function referencesOf(one: Fields): string[] {
  const references = Array.isArray(one['references']) ? one['references'].slice(0, MAX_REFERENCES).map(fieldsOf) : []
  return references.map(({ url }) => textOf(url)).filter((url) => url !== null)
}
