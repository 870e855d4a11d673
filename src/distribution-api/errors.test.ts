import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DomainError } from '../domain/error.ts'
import { errorAnswer, WireError } from './errors.ts'

test('errorAnswer: an act that was refused says which rule, with its headers', () => {
  const error = new DomainError('range_invalid', 'the next chunk starts at 5', { headers: { range: '0-4' } })
  const { status, headers, body, unexpectedId } = errorAnswer(error)
  assert.deepEqual({ status, headers, unexpectedId }, { status: 416, headers: { range: '0-4' }, unexpectedId: null })
  assert.deepEqual(JSON.parse(body), {
    errors: [{ code: 'BLOB_UPLOAD_INVALID', message: 'the next chunk starts at 5' }],
  })
})

test('errorAnswer: what stands in a cause stays with us', () => {
  const error = new DomainError('unavailable', 'try again', { cause: new Error('SELECT secret') })
  const { body, headers } = errorAnswer(error)
  assert.ok(!body.includes('secret'))
  assert.equal(headers['retry-after'], '2')
})

test('errorAnswer: an act may ask for its own pause', () => {
  const error = new DomainError('too_many_requests', 'slowly', { headers: { 'retry-after': '30' } })
  assert.equal(errorAnswer(error).headers['retry-after'], '30')
})

test('errorAnswer: the unforeseen tells an id and nothing else', () => {
  const answers = [errorAnswer(new TypeError('/etc/passwd')), errorAnswer('a string'), errorAnswer(undefined)]
  for (const { status, body, unexpectedId } of answers) {
    assert.equal(status, 500)
    assert.ok(unexpectedId !== null && body.includes(unexpectedId))
    assert.ok(!body.includes('passwd'))
  }
})

test('errorAnswer: a refusal of the wire itself', () => {
  const { status, body } = errorAnswer(new WireError(414, 'TAG_INVALID', 'too many tags'))
  assert.equal(status, 414)
  assert.deepEqual(JSON.parse(body), { errors: [{ code: 'TAG_INVALID', message: 'too many tags' }] })
})
