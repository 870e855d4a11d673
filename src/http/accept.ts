export interface AcceptedType {
  /** Lower case: `text/html`, `image/*` or `*` + `/*`. */
  readonly type: string
  readonly quality: number
}

/** Members of an Accept header, best first, equal ones in the order written. Source: RFC 9110, 12.5.1. */
export function parseAccept(header: string | undefined): AcceptedType[] {
  if (header === undefined || header.trim() === '') return [{ type: '*/*', quality: 1 }]
  const accepted: AcceptedType[] = []
  for (const member of header.split(',').slice(0, MAX_MEMBERS)) {
    const [type = '', ...parameters] = member.split(';')
    const name = type.trim().toLowerCase()
    if (name !== '') accepted.push({ type: name, quality: qualityOf(parameters) })
  }
  return accepted.sort((a, b) => b.quality - a.quality)
}

/** The best of `offered` for this header, or null. Ties go to the order of `offered`. */
export function preferredType<T extends string>(header: string | undefined, offered: readonly T[]): T | null {
  const accepted = parseAccept(header)
  let best: T | null = null
  let bestQuality = 0
  for (const type of offered) {
    const quality = qualityFor(accepted, type)
    if (quality > bestQuality) {
      best = type
      bestQuality = quality
    }
  }
  return best
}

/** Clients send a dozen; nobody needs more than this, and the header's size is a stranger's choice. */
const MAX_MEMBERS = 100

function qualityOf(parameters: readonly string[]): number {
  for (const parameter of parameters) {
    const [name = '', value = ''] = parameter.split('=')
    if (name.trim().toLowerCase() !== 'q') continue
    const quality = Number(value.trim())
    return Number.isFinite(quality) ? Math.min(Math.max(quality, 0), 1) : 0
  }
  return 1
}

/** The most specific member that covers `type` decides. */
function qualityFor(accepted: readonly AcceptedType[], type: string): number {
  const range = `${type.slice(0, type.indexOf('/'))}/*`
  for (const wanted of [type, range, '*/*']) {
    const member = accepted.find((candidate) => candidate.type === wanted)
    if (member !== undefined) return member.quality
  }
  return 0
}
