import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { DomainError } from '../domain/error.ts'
import { parseScopes } from './asked-scopes.ts'

const asked = (name: string, actions: string[], type = 'repository') => ({ type, name, actions })

const cases = [
  { name: 'none', values: [], want: [] },
  { name: 'one', values: ['repository:acme/app:pull,push'], want: [asked('acme/app', ['pull', 'push'])] },
  { name: 'a star', values: ['repository:acme/app:*'], want: [asked('acme/app', ['pull', 'push', 'delete'])] },
  {
    name: 'two in one value, one in another',
    values: ['repository:a/b:pull  repository:a/c:push', 'repository:a/d:delete'],
    want: [asked('a/b', ['pull']), asked('a/c', ['push']), asked('a/d', ['delete'])],
  },
  {
    name: 'the catalog',
    values: ['registry:catalog:*'],
    want: [asked('catalog', ['pull', 'push', 'delete'], 'registry')],
  },
  { name: 'the catalog, list', values: ['registry:catalog:list'], want: [asked('catalog', ['pull'], 'registry')] },
  { name: 'a resource class', values: ['repository(plugin):a/b:pull'], want: [asked('a/b', ['pull'])] },
  { name: 'a host with its port', values: ['repository:h:5000/a/b:pull'], want: [asked('h:5000/a/b', ['pull'])] },
  { name: 'unknown actions', values: ['repository:a/b:fly,pull'], want: [asked('a/b', ['pull'])] },
  { name: 'no actions', values: ['repository:a/b:'], want: [asked('a/b', [])] },
  { name: 'unknown type', values: ['namespace:a:pull'], want: [] },
  { name: 'not a scope', values: ['pull', ':', '::', 'repository:'], want: [] },
  { name: 'endless', values: [`repository:${'a'.repeat(2000)}:pull`], want: [] },
]
for (const { name, values, want } of cases) {
  test(`parseScopes: ${name}`, () => assert.deepEqual(parseScopes(values), want))
}

test('parseScopes: more than 50 are refused with the limit', () => {
  const values = Array.from({ length: 51 }, (_, index) => `repository:a/b${index}:pull`)
  assert.throws(
    () => parseScopes([values.join(' ')]),
    (error: DomainError) => {
      assert.equal(error.kind, 'input_invalid')
      return /51 scopes.*at most 50/.test(error.message)
    },
  )
})

test('parseScopes: never throws anything but that', () => {
  fc.assert(fc.property(fc.array(fc.string(), { maxLength: 8 }), (values) => void parseScopes(values)))
})
