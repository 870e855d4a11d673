import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { actionsOn, matchesPattern, mayListCatalog } from './permission.ts'

const patterns = [
  { pattern: 'app', name: 'app', want: true },
  { pattern: 'app', name: 'apps', want: false },
  { pattern: '*', name: 'team/app', want: true },
  { pattern: 'team/*', name: 'team/app', want: true },
  { pattern: 'team/*', name: 'team/a/b', want: true },
  { pattern: 'team/*', name: 'team', want: false },
  { pattern: 'team*', name: 'team', want: true },
  { pattern: '*/app', name: 'team/app', want: true },
  { pattern: '*/app', name: 'app', want: false },
  { pattern: 'a*a', name: 'a', want: false },
  { pattern: 'a*a', name: 'aa', want: true },
  { pattern: 'a*b*c', name: 'abc', want: true },
  { pattern: 'a*b*c', name: 'acb', want: false },
  { pattern: 'a*bc*c', name: 'abc', want: false },
  { pattern: '', name: 'app', want: false },
  { pattern: 'a.c', name: 'abc', want: false },
]
for (const { pattern, name, want } of patterns) {
  test(`matchesPattern: "${pattern}" ${want ? 'matches' : 'does not match'} "${name}"`, () => {
    assert.equal(matchesPattern(pattern, name), want)
  })
}

const words = fc.stringMatching(/^[ab/*]{0,10}$/)
const names = fc.stringMatching(/^[ab/]{0,14}$/)

test('matchesPattern: does what a regular expression with .* does', () => {
  fc.assert(
    fc.property(words, names, (pattern, name) => {
      const expression = new RegExp(`^${pattern.split('*').join('[^]*')}$`)
      assert.equal(matchesPattern(pattern, name), expression.test(name))
    }),
    { numRuns: 5000 },
  )
})

test('matchesPattern: filling the stars gives a name that matches', () => {
  fc.assert(
    fc.property(
      fc.array(names, { minLength: 1, maxLength: 6 }),
      fc.array(names, { maxLength: 6 }),
      (parts, fillings) => {
        const name = parts.map((part, at) => (at === 0 ? part : (fillings[at] ?? '') + part)).join('')
        assert.ok(matchesPattern(parts.join('*'), name))
      },
    ),
  )
})

test('matchesPattern: many stars on a long name do not try every way', () => {
  const before = process.cpuUsage()
  assert.equal(matchesPattern(`${'a*'.repeat(200)}b`, 'a'.repeat(512)), false)
  assert.ok(process.cpuUsage(before).user < 2_000_000) // one that tries every way needs ages
})

const scopes = [
  { name: 'pull', scope: { type: 'repository', name: 'app', actions: ['pull'] }, want: ['pull'] },
  {
    name: 'read and write',
    scope: { type: 'repository', name: 'app', actions: ['read', 'write'] },
    want: ['pull', 'push'],
  },
  { name: 'a star', scope: { type: 'repository', name: 'app', actions: ['*'] }, want: ['delete', 'pull', 'push'] },
  { name: 'another repository', scope: { type: 'repository', name: 'apple', actions: ['*'] }, want: [] },
  { name: 'an unknown action', scope: { type: 'repository', name: '*', actions: ['backup', 'list'] }, want: [] },
  { name: 'an unknown type', scope: { type: 'namespace', name: '*', actions: ['*'] }, want: [] },
  { name: 'the registry type', scope: { type: 'registry', name: '*', actions: ['*'] }, want: [] },
  { name: 'an action like a property', scope: { type: 'repository', name: '*', actions: ['constructor'] }, want: [] },
]
for (const { name, scope, want } of scopes) {
  test(`actionsOn: ${name}`, () => assert.deepEqual([...actionsOn([scope], 'app')].sort(), want))
}

const catalogs = [
  { name: 'catalog, star', scope: { type: 'registry', name: 'catalog', actions: ['*'] }, want: true },
  { name: 'any name, list', scope: { type: 'registry', name: '*', actions: ['list'] }, want: true },
  { name: 'push alone', scope: { type: 'registry', name: '*', actions: ['push'] }, want: false },
  { name: 'a repository scope', scope: { type: 'repository', name: '*', actions: ['*'] }, want: false },
]
for (const { name, scope, want } of catalogs) {
  test(`mayListCatalog: ${name}`, () => assert.equal(mayListCatalog([scope]), want))
}
