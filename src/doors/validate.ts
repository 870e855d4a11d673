import type { TSchema } from 'typebox'
import { Compile } from 'typebox/schema'
import { DomainError } from '../domain/error.ts'

type Problem = ReturnType<ReturnType<typeof Compile>['Errors']>[1][number]

/**
 * Fastify's validator compiler: nothing is removed or filled in, and the error says which value must be what. Of a query,
 * where all is text, parameters that the schema calls integers, booleans or lists are read as such. Compiled at its first use: a start has
 * hundreds of them to pass.
 */
export function compileValidator({ schema, httpPart }: { schema: unknown; httpPart?: string }) {
  let compiled: ReturnType<typeof Compile> | null = null
  const { properties = {} } = schema as { properties?: Readonly<Record<string, { type?: string }>> }
  return (data: unknown) => {
    const value = httpPart === 'querystring' ? readQuery(data as Readonly<Record<string, unknown>>, properties) : data
    compiled ??= Compile(schema as TSchema)
    if (compiled.Check(value)) return { value }
    const [, problems] = compiled.Errors(value)
    return { error: new DomainError('input_invalid', describe(problems, schema, httpPart)) }
  }
}

function readQuery(
  query: Readonly<Record<string, unknown>>,
  properties: Readonly<Record<string, { type?: string }>>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(query).map(([name, value]) => {
      return [name, typeof value === 'string' ? readText(value, properties[name]?.type) : value]
    }),
  )
}

function readText(text: string, type: string | undefined): unknown {
  if (type === 'integer' && /^-?\d{1,15}$/.test(text)) return Number(text)
  // The product's Python SDK 1.1 writes True.
  if (type === 'boolean' && /^(true|false)$/i.test(text)) return text.toLowerCase() === 'true'
  return type === 'array' ? [text] : text
}

/** The deepest problem is the one the sender meant to get right; "must be null" is never it. */
function describe(problems: readonly Problem[], schema: unknown, httpPart = 'request'): string {
  const real = problems.filter(
    ({ keyword, params }) => keyword !== 'anyOf' && !('type' in params && params.type === 'null'),
  )
  const problem = real.reduce<Problem | undefined>(
    (best, one) => (best === undefined || depth(one) > depth(best) ? one : best),
    undefined,
  )
  if (!problem) return `the ${httpPart} is not valid`
  const path = problem.instancePath.slice(1).replaceAll('/', '.') || `the ${httpPart}`
  if (problem.keyword === 'required') {
    const missing = (problem.params as { requiredProperties: string[] }).requiredProperties
    const where = problem.instancePath === '' ? '' : `${path}.`
    return `${missing.map((name) => where + name).join(', ')} is missing`
  }
  const { expects } = schemaAt(schema, problem.schemaPath)
  return `${path} is not valid: it must ${expects === undefined ? problem.message.replace(/^must /, '') : `be ${expects}`}`
}

function depth({ instancePath }: Problem): number {
  return instancePath.split('/').length
}

function schemaAt(schema: unknown, pointer: string): { expects?: string } {
  let here = schema
  for (const key of pointer.split('/').slice(1)) here = (here as Record<string, unknown> | undefined)?.[key]
  return (here ?? {}) as { expects?: string }
}
