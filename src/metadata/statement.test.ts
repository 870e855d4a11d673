import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Fragment, SqlArgument, SqlValue } from './metadata-store.ts'
import { PostgresStatementWriter } from './postgres-statement.ts'
import { literal, sql } from './sql.ts'
import { flatten, Statements } from './statement.ts'

interface Written {
  readonly text: string
}

function questionMarks(): Statements<Written> {
  return new Statements<Written>({ prepare: (pieces) => ({ text: pieces.join('?') }) })
}

const value = fc.oneof(
  fc.maxSafeInteger(),
  fc.bigInt(),
  fc.constant(null),
  fc.string().map((text) => text.replaceAll('\0', '')),
  fc.uint8Array(),
)
const piece = fc.string().map((text) => text.replaceAll(/[?$\0]/g, ' '))

/** A statement of any depth: pieces with values or further fragments between them. */
const fragment = fc.letrec<{ fragment: Fragment; hole: SqlArgument }>((tie) => ({
  hole: fc.oneof({ depthSize: 'small' }, value, tie('fragment')),
  fragment: fc
    .tuple(piece, fc.array(fc.tuple(tie('hole'), piece), { maxLength: 5 }))
    .map(([first, rest]) => ({ text: [first, ...rest.map(([, text]) => text)], values: rest.map(([hole]) => hole) })),
})).fragment

/** What flattening means, said naively. */
function expected({ text, values }: Fragment): { pieces: string[]; values: SqlValue[] } {
  const all: { pieces: string[]; values: SqlValue[] } = { pieces: [text[0] ?? ''], values: [] }
  const add = (more: string): void => {
    all.pieces.push((all.pieces.pop() ?? '') + more)
  }
  for (const [index, each] of values.entries()) {
    if (typeof each === 'object' && each !== null && 'text' in each) {
      const inner = expected(each)
      const [first = '', ...rest] = inner.pieces
      add(first)
      all.pieces.push(...rest)
      all.values.push(...inner.values)
    } else {
      all.values.push(each)
      all.pieces.push('')
    }
    add(text[index + 1] ?? '')
  }
  return all
}

function written<T>(statements: Statements<T>, { text, values }: Fragment): T {
  return statements.find(text, values, flatten(values))
}

test('fragments of any shape come out as if written in one piece, also the second time', () => {
  const statements = questionMarks()
  fc.assert(
    fc.property(fragment, (each) => {
      const want = expected(each)
      assert.deepEqual(flatten(each.values), want.values)
      const first = written(statements, each)
      assert.equal(first.text, want.pieces.join('?'))
      assert.equal(written(statements, each), first)
    }),
  )
})

test('shapes that share fragments do not take each other for the same', () => {
  const statements = questionMarks()
  const root = ['r', ' ', ' ', 's'] // one template, its holes filled with all sorts
  fc.assert(
    fc.property(fc.tuple(fc.oneof(value, fragment), fc.oneof(value, fragment), fc.oneof(value, fragment)), (values) => {
      assert.equal(written(statements, { text: root, values }).text, expected({ text: root, values }).pieces.join('?'))
    }),
    { numRuns: 500 },
  )
})

test("PostgreSQL's statements name the type of each value and number them in order", () => {
  const statements = new Statements(new PostgresStatementWriter())
  const one = written(statements, sql`SELECT ${1}, ${'a'}, ${null}, ${new Uint8Array()}, ${sql`f(${2n})`}`)
  assert.equal(one.text, 'SELECT $1::bigint, $2::text, NULL, $3::bytea, f($4::bigint)')
  fc.assert(
    fc.property(fragment, (each) => {
      const { pieces, values } = expected(each)
      let count = 0
      const typed = values.map((bound) => (bound === null ? 'NULL' : `$${++count}${TYPES[typeof bound]}`))
      assert.equal(written(statements, each).text, pieces.map((text, index) => text + (typed[index] ?? '')).join(''))
    }),
  )
})

const TYPES: Record<string, string> = { string: '::text', number: '::bigint', bigint: '::bigint', object: '::bytea' }

test('the same text has the same name everywhere, another text another', () => {
  const name = (each: Fragment): string | undefined => written(new Statements(new PostgresStatementWriter()), each).name
  assert.equal(name(sql`SELECT ${1}`), name(sql`SELECT ${2}`))
  assert.notEqual(name(sql`SELECT ${1}`), name(sql`SELECT ${'1'}`))
  assert.ok((name(sql`SELECT ${1}`)?.length ?? 64) < 64, "PostgreSQL's names end there")
})

test('text made at run time does not pile up names in the server', () => {
  const statements = new Statements(new PostgresStatementWriter())
  const names = Array.from({ length: 1_000 }, (_, n) => written(statements, sql`SELECT ${literal(`${n}`)}`).name)
  assert.ok(names.filter((name) => name !== undefined).length <= 500)
})

test('nor does it pile up in memory', () => {
  let prepared = 0
  const statements = new Statements({ prepare: () => ({ number: ++prepared }) })
  const template = (name: string): Fragment => sql`SELECT ${literal(name)}`
  const first = written(statements, template('a'))
  assert.equal(written(statements, template('a')), first)
  for (let n = 0; n < 10_000; n += 1) written(statements, template(`n${n}`))
  assert.notEqual(written(statements, template('a')), first, 'forgotten, and made anew')
})
