import assert from 'node:assert/strict'
import type { SdkAnswer } from './sdk.ts'

/** The answer, if its status is the expected one and the library could read it. */
export function expectAnswer(answer: SdkAnswer, status: number): SdkAnswer {
  assert.equal(answer.failure, undefined)
  assert.equal(answer.status, status, JSON.stringify(answer))
  return answer
}

/** A refusal, whose body is the product's. */
export function expectRefusal(answer: SdkAnswer, status: number, says: RegExp): void {
  const { body } = expectAnswer(answer, status) as { body: { httpStatus: number; messages: { message: string }[] } }
  assert.equal(body.httpStatus, status)
  assert.match(body.messages[0]?.message ?? '', says)
}

/**
 * Whether what the library understood is what was sent: everything it holds is there and the same. It may leave out what
 * it does not know and what is null, and write instants its own way.
 */
export function assertUnderstood(understood: unknown, sent: unknown, at = 'the answer'): void {
  if (understood === null || understood === undefined) return
  if (Array.isArray(understood)) {
    assert.ok(Array.isArray(sent) && sent.length === understood.length, `${at}: ${JSON.stringify([understood, sent])}`)
    for (const [index, item] of understood.entries()) assertUnderstood(item, sent[index], `${at}[${index}]`)
    return
  }
  if (typeof understood === 'object') {
    assert.ok(typeof sent === 'object' && sent !== null, `${at}: ${JSON.stringify([understood, sent])}`)
    for (const [key, value] of Object.entries(understood))
      assertUnderstood(value, (sent as Record<string, unknown>)[key], `${at}.${key}`)
    return
  }
  if (understood === sent || (isInstant(understood) && isInstant(sent) && Date.parse(understood) === Date.parse(sent)))
    return
  assert.fail(`${at} is ${JSON.stringify(understood)} to the library, and was ${JSON.stringify(sent)}`)
}

function isInstant(value: unknown): value is string {
  return typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value)
}
