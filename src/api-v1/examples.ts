interface Schema {
  readonly $ref?: string
  readonly type?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly examples?: readonly unknown[]
  readonly default?: unknown
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly format?: string
  readonly pattern?: string
  readonly minimum?: number
  readonly minItems?: number
}
type Media = { schema?: Schema; example?: unknown; examples?: unknown }
type Content = { content?: Record<string, Media> }
type Operation = { requestBody?: Content; responses?: Record<string, Content> }
interface Document {
  readonly paths?: unknown
  readonly components?: unknown
}

/** Gives every body and answer an example, put together from those of its parts. */
export function withExamples<D extends Document>(document: D): D {
  const schemas = ((document.components ?? {}) as { schemas?: Record<string, Schema> }).schemas ?? {}
  for (const path of Object.values((document.paths ?? {}) as Record<string, Record<string, Operation>>)) {
    for (const { requestBody, responses = {} } of Object.values(path)) {
      for (const { content = {} } of [requestBody ?? {}, ...Object.values(responses)]) {
        for (const media of Object.values(content)) fill(media, schemas)
      }
    }
  }
  return document
}

function fill(media: Media, schemas: Readonly<Record<string, Schema>>): void {
  if (media.schema === undefined || media.example !== undefined || media.examples !== undefined) return
  media.example = exampleOf(media.schema, schemas)
}

/** The schema's own example, or one made of what it says. */
export function exampleOf(schema: Schema, schemas: Readonly<Record<string, Schema>> = {}): unknown {
  const named = schema.$ref === undefined ? undefined : schemas[schema.$ref.split('/').at(-1) ?? '']
  if (named !== undefined) return exampleOf(named, schemas)
  const { examples, enum: words, anyOf } = schema
  if (examples !== undefined && examples.length > 0) return examples[0]
  if (schema.default !== undefined) return schema.default
  if ('const' in schema) return schema.const
  if (words !== undefined) return words[0]
  if (anyOf !== undefined) return exampleOf(anyOf[0] ?? {}, schemas)
  return exampleByType(schema, schemas)
}

function exampleByType(schema: Schema, schemas: Readonly<Record<string, Schema>>): unknown {
  switch (schema.type) {
    case 'object':
      return exampleObject(schema, schemas)
    case 'array':
      return schema.items === undefined ? [] : [exampleOf(schema.items, schemas)]
    case 'integer':
    case 'number':
      return schema.minimum ?? 0
    case 'boolean':
      return true
    case 'string':
      return schema.format === 'date-time' ? '2026-01-31T12:00:00Z' : 'text'
    default:
      return null
  }
}

/** Of what may be left out, only what there is a real example of. */
function exampleObject({ properties = {}, required = [] }: Schema, schemas: Readonly<Record<string, Schema>>): unknown {
  const shown = Object.entries(properties).filter(([name, part]) => required.includes(name) || hasExample(part))
  return Object.fromEntries(shown.map(([name, part]) => [name, exampleOf(part, schemas)]))
}

function hasExample(schema: Schema): boolean {
  const { examples = [], properties = {}, anyOf = [], items } = schema
  if (examples.length > 0 || schema.default !== undefined || 'const' in schema || schema.enum !== undefined) return true
  return [...Object.values(properties), ...anyOf.slice(0, 1), ...(items ? [items] : [])].some(hasExample)
}
