import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { ApiWorld } from '../../test/support/api-world.ts'
import { TAGS } from './introduction.ts'

type Media = { schema: Record<string, unknown>; example?: unknown }
type Operation = {
  operationId: string
  tags: string[]
  summary: string
  description: string
  security?: unknown[]
  parameters?: { name: string; in: string; description?: string; schema: Record<string, unknown> }[]
  requestBody?: { content: Record<string, Media> }
  responses: Record<string, { description: string; content?: Record<string, Media> }>
}

let world: ApiWorld
let document: {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, TSchema> }
}
let operations: (Operation & { name: string })[]

before(async () => {
  world = await ApiWorld.open()
  document = (await world.call('GET', '/api/openapi.json')).json
  operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ ...operation, name: `${method.toUpperCase()} ${path}` })),
  )
})
after(() => world[Symbol.asyncDispose]())

test('the document is valid OpenAPI 3.1', async () => {
  const validator = new Validator()
  const { valid, errors } = await validator.validate(structuredClone(document))
  assert.ok(valid, JSON.stringify(errors))
  assert.equal(validator.version, '3.1')
})

test('it covers both APIs, each operation once', () => {
  const names = operations.map(({ name }) => name)
  for (const name of ['GET /registries', 'HEAD /names/{name}', 'GET /api/v1/me', 'GET /api/v1/audit/export']) {
    assert.ok(names.includes(name), name)
  }
  assert.ok(!names.some((name) => name.includes('/containerregistries') || name.includes('/v2')))
  assert.equal(new Set(operations.map(({ operationId }) => operationId)).size, operations.length)
})

test('every operation says what it does, what it takes and what it answers', () => {
  const known = TAGS.map(([name]) => name)
  for (const { name, tags, summary, description, parameters = [], responses, security } of operations) {
    assert.ok(
      tags.every((tag) => known.includes(tag)),
      `${name}: tag ${tags} is not in introduction.ts`,
    )
    assert.ok(summary.length > 5, `${name} has no summary`)
    assert.match(description, /\*\*Who:\*\*/, name)
    for (const parameter of parameters) {
      const said = parameter.description ?? parameter.schema['description']
      assert.ok(said, `${name}: ${parameter.name} has no description`)
    }
    const statuses = Object.keys(responses)
    assert.ok(
      statuses.some((status) => /^[23]/.test(status)),
      `${name} has no answer`,
    )
    const isPublic = security?.length === 0
    for (const status of isPublic ? ['500'] : ['401', '403', '500']) {
      assert.ok(
        statuses.some((one) => one === status || one === `${status[0]}XX`),
        `${name} does not say ${status}`,
      )
    }
  }
})

test('every body and answer has an example that fits its schema', () => {
  for (const { name, requestBody, responses } of operations) {
    for (const [where, { content = {} }] of Object.entries({
      ...responses,
      ...(requestBody && { body: requestBody }),
    })) {
      for (const [type, { schema, example }] of Object.entries(content)) {
        if (type === 'application/x-ndjson') continue
        const compiled = Compile({ Problem: document.components.schemas['Problem'] ?? {} } as never, localRefs(schema))
        assert.ok(compiled.Check(example), `${name} ${where}: ${JSON.stringify([example, compiled.Errors(example)])}`)
      }
    }
  }
})

test('the document is cached', async () => {
  const { headers, json } = await world.call('GET', '/api/openapi.json')
  assert.equal(headers['cache-control'], 'public, max-age=300')
  assert.equal(json.openapi, '3.1.0')
  const again = await world.call('GET', '/api/openapi.json', { headers: { 'if-none-match': String(headers['etag']) } })
  assert.deepEqual([again.status, again.text], [304, ''])
})

test('the page needs nothing from elsewhere', async () => {
  const page = await world.call('GET', '/api/docs')
  assert.equal(page.status, 200)
  assert.match(
    String(page.headers['content-security-policy']),
    /^default-src 'none'; script-src 'self'; [^*:]*data:[^*:]*$/,
  )
  const parts = Array.from(
    page.text.matchAll(/(?:src|href)="([^"]+)"/g),
    ([, part]) => new URL(part ?? '', 'http://cr.test/api/docs'),
  )
  assert.ok(parts.length >= 5)
  for (const part of parts) {
    assert.equal(part.host, 'cr.test')
    assert.equal((await world.call('GET', part.pathname)).status, 200, part.pathname)
  }
  assert.match((await world.call('GET', '/api/docs/static/swagger-initializer.js')).text, /"url":"\/api\/openapi.json"/)
})

/** The validator knows a schema by its name, not by where it lies in the document. */
function localRefs(schema: unknown): TSchema {
  return JSON.parse(JSON.stringify(schema).replaceAll('#/components/schemas/', ''))
}
