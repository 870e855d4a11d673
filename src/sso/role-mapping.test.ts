import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RoleRule } from './role-mapping.ts'
import { groupsOf, rightsOf } from './role-mapping.ts'

const RULES: readonly RoleRule[] = [
  { group: 'dev', role: 'member', manageRegistry: false },
  { group: 'platform', role: 'member', manageRegistry: true },
  { group: 'lead', role: 'admin', manageRegistry: false },
]
const MEMBER = { role: 'member', manageRegistry: false }

const rights = [
  { name: 'of no group', groups: [], want: null },
  { name: 'of other groups', groups: ['sales', 'DEV', 'dev '], want: null },
  { name: 'of one', groups: ['dev'], want: MEMBER },
  { name: 'of two: the privilege counts', groups: ['dev', 'platform'], want: { ...MEMBER, manageRegistry: true } },
  { name: 'of two: the higher role counts', groups: ['dev', 'lead'], want: { role: 'admin', manageRegistry: false } },
  { name: 'of all', groups: ['lead', 'platform', 'dev'], want: { role: 'admin', manageRegistry: true } },
  { name: 'of none, with a default', groups: ['sales'], fallback: 'member', want: MEMBER },
  { name: 'of one, with a higher default', groups: ['dev'], fallback: 'admin', want: MEMBER },
] as const
for (const { name, groups, want, ...rest } of rights) {
  test(`rightsOf: somebody ${name}`, () => {
    assert.deepEqual(rightsOf(groups, RULES, 'fallback' in rest ? rest.fallback : null), want)
  })
}

const groups = [
  { name: 'a list', claims: { groups: ['a', 'b'] }, claim: 'groups', want: ['a', 'b'] },
  { name: 'one word', claims: { hd: 'example.com' }, claim: 'hd', want: ['example.com'] },
  { name: 'nothing', claims: {}, claim: 'groups', want: [] },
  { name: 'what is no text', claims: { groups: ['a', 1, null, ['b'], { c: 1 }] }, claim: 'groups', want: ['a'] },
  { name: 'an object', claims: { groups: { a: true } }, claim: 'groups', want: [] },
  { name: 'a path', claims: { realm_access: { roles: ['a'] } }, claim: 'realm_access.roles', want: ['a'] },
  { name: 'a path that ends early', claims: { realm_access: 'x' }, claim: 'realm_access.roles', want: [] },
  { name: 'a URL', claims: { 'https://x.example/groups': ['a'] }, claim: 'https://x.example/groups', want: ['a'] },
  { name: 'a name with a dot before the path', claims: { 'a.b': ['1'], a: { b: ['2'] } }, claim: 'a.b', want: ['1'] },
  { name: 'what every object has', claims: {}, claim: 'constructor.name', want: [] },
]
for (const { name, claims, claim, want } of groups) {
  test(`groupsOf: ${name}`, () => assert.deepEqual(groupsOf(claims, claim), want))
}
