import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Access, Person } from './access.ts'
import { refusalOf } from './access.ts'
import type { ApiKeyPrincipal, UserPrincipal } from './actor.ts'

const MEMBER: UserPrincipal = {
  kind: 'user',
  contractId: 1,
  identityId: 1,
  userId: 'u',
  email: 'ann@example.com',
  role: 'member',
  manageRegistry: false,
  isOperator: false,
  passwordVersion: 1,
  session: null,
}
const {
  passwordVersion: _version,
  session: _session,
  ...OWNER
} = { ...MEMBER, role: 'owner', isOperator: true } as const
const KEY: ApiKeyPrincipal = {
  ...OWNER,
  kind: 'api_key',
  apiKeyId: 1,
  name: 'laptop',
  readOnly: false,
  registryIds: null,
  actions: null,
  expiresAt: null,
}

/** What each may read and change: the words under which the answer is yes. */
const cases: { name: string; person: Person; reads: Access[]; changes: Access[] }[] = [
  { name: 'a member', person: MEMBER, reads: ['self', 'read'], changes: ['self'] },
  {
    name: 'a member with Manage Registry',
    person: { ...MEMBER, manageRegistry: true },
    reads: ['self', 'read', 'manage'],
    changes: ['self', 'manage'],
  },
  {
    name: 'an admin',
    person: { ...MEMBER, role: 'admin' },
    reads: ['self', 'read', 'manage', 'admin'],
    changes: ['self', 'manage', 'admin'],
  },
  {
    name: 'an owner',
    person: { ...MEMBER, role: 'owner' },
    reads: ['self', 'read', 'manage', 'admin', 'owner'],
    changes: ['self', 'manage', 'admin', 'owner'],
  },
  {
    name: 'a member who is operator',
    person: { ...MEMBER, isOperator: true },
    reads: ['self', 'read', 'operator'],
    changes: ['self', 'operator'],
  },
  {
    name: 'the key of an owner and operator',
    person: KEY,
    reads: ['self', 'read', 'manage', 'admin', 'owner', 'operator'],
    changes: ['self', 'manage', 'admin', 'owner', 'operator'],
  },
  {
    name: 'a read-only key of theirs',
    person: { ...KEY, readOnly: true },
    reads: ['self', 'read', 'admin', 'owner', 'operator'],
    changes: [],
  },
  {
    name: 'a key of theirs for one registry',
    person: { ...KEY, registryIds: [7] },
    reads: ['self', 'read', 'manage'],
    changes: ['manage'],
  },
  { name: 'a key of theirs to pull with', person: { ...KEY, actions: ['pull'] }, reads: ['self', 'read'], changes: [] },
]

const WORDS: readonly Access[] = ['self', 'read', 'manage', 'admin', 'owner', 'operator']

for (const { name, person, reads, changes } of cases) {
  test(`refusalOf: ${name}`, () => {
    assert.deepEqual(allowed(person, false), reads)
    assert.deepEqual(
      allowed(person, true).filter((word) => word !== 'read'),
      changes,
    )
  })
}

test('refusalOf: the refusal names who asks and who may', () => {
  assert.match(refusalOf(MEMBER, 'manage', true) ?? '', /^ann@example.com may only read.*Manage Registry/)
  assert.match(refusalOf({ ...KEY, readOnly: true }, 'self', true) ?? '', /API key "laptop" may only read/)
  assert.match(refusalOf({ ...KEY, actions: ['pull'] }, 'manage', true) ?? '', /limited to pull/)
})

function allowed(person: Person, changes: boolean): Access[] {
  return WORDS.filter((word) => refusalOf(person, word, changes) === null)
}
