/** One answered request, as the server tells it. */
export interface AnsweredRequest {
  /** A pattern or a name, never a path: its values must be few. */
  readonly route: string
  readonly method: string
  readonly status: number
  readonly ms: number
  readonly bytesIn: number
  readonly bytesOut: number
}

/** From a cached manifest to a layer of many gigabytes over a slow line. Seconds. */
const REQUEST_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800]

/** The method is a stranger's text: it must not make new series. */
const KNOWN_METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

interface Route {
  bytesIn: number
  bytesOut: number
  readonly methods: Map<string, Method>
}

interface Method {
  readonly statuses: Map<number, number>
  /** Requests by bucket, not cumulated; the last is beyond all. */
  readonly buckets: number[]
  seconds: number
}

/**
 * The four series of answered requests, counted by hand: a counter of the library sorts and joins its labels at every
 * request, which was a tenth of what a cached manifest costs (measured). Rendered as the library would.
 */
export class RequestTally {
  readonly #routes = new Map<string, Route>()

  readonly add = ({ route, method, status, ms, bytesIn, bytesOut }: AnsweredRequest): void => {
    const counted = this.#routeOf(route)
    counted.bytesIn += bytesIn
    counted.bytesOut += bytesOut
    const one = methodOf(counted, KNOWN_METHODS.has(method) ? method : 'other')
    one.statuses.set(status, (one.statuses.get(status) ?? 0) + 1)
    const seconds = ms / 1000
    one.seconds += seconds
    let bucket = 0
    while (bucket < REQUEST_SECONDS.length && seconds > (REQUEST_SECONDS[bucket] ?? 0)) bucket += 1
    one.buckets[bucket] = (one.buckets[bucket] ?? 0) + 1
  }

  metrics() {
    return [this.#requests(), this.#seconds(), this.#bytes('received', 'bytesIn'), this.#bytes('sent', 'bytesOut')]
  }

  #routeOf(route: string): Route {
    let known = this.#routes.get(route)
    if (known === undefined) {
      known = { bytesIn: 0, bytesOut: 0, methods: new Map() }
      this.#routes.set(route, known)
    }
    return known
  }

  #requests() {
    const values = [...this.#each()].flatMap(({ route, method, counted }) =>
      [...counted.statuses].map(([status, value]) => ({ value, labels: { route, method, status } })),
    )
    return metric('entrepot_http_requests_total', 'Answered requests', 'counter', values)
  }

  #seconds() {
    const name = 'entrepot_http_request_seconds'
    const values = [...this.#each()].flatMap(({ route, method, counted }) => {
      let below = 0
      const buckets = [...REQUEST_SECONDS, '+Inf'].map((le, index) => {
        below += counted.buckets[index] ?? 0
        return { value: below, metricName: `${name}_bucket`, labels: { le, route, method } }
      })
      const labels = { route, method }
      return [
        ...buckets,
        { value: counted.seconds, metricName: `${name}_sum`, labels },
        { value: below, metricName: `${name}_count`, labels },
      ]
    })
    return metric(name, 'Time from the request to the last byte of its answer', 'histogram', values)
  }

  #bytes(word: 'received' | 'sent', field: 'bytesIn' | 'bytesOut') {
    const values = [...this.#routes].map(([route, counted]) => ({ value: counted[field], labels: { route } }))
    return metric(`entrepot_http_${word}_bytes_total`, `Bytes ${word}, headers included`, 'counter', values)
  }

  *#each() {
    for (const [route, { methods }] of this.#routes) {
      for (const [method, counted] of methods) yield { route, method, counted }
    }
  }
}

function methodOf({ methods }: Route, method: string): Method {
  let known = methods.get(method)
  if (known === undefined) {
    known = { statuses: new Map(), buckets: new Array<number>(REQUEST_SECONDS.length + 1).fill(0), seconds: 0 }
    methods.set(method, known)
  }
  return known
}

function metric<V>(name: string, help: string, type: 'counter' | 'histogram', values: V[]) {
  return { name, help, type, values, aggregator: 'sum' as const }
}
