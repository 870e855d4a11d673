import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BoundedCache } from './bounded-cache.ts'

test('BoundedCache: keeps what is asked for, forgets the rest', () => {
  const cache = new BoundedCache<number>(10)
  cache.set('kept', 1)
  for (let index = 0; index < 1000; index++) {
    cache.set(`other ${index}`, index)
    assert.equal(cache.get('kept'), 1)
  }
  assert.equal(cache.get('other 0'), undefined)
  assert.equal(cache.get('other 999'), 999)
})

test('BoundedCache: never holds more than twice its size, never tells what was not set', () => {
  const command = fc.record({ act: fc.constantFrom('set', 'get', 'delete'), key: fc.nat(40) })
  fc.assert(
    fc.property(fc.array(command, { maxLength: 300 }), (commands) => {
      const cache = new BoundedCache<number>(5)
      const model = new Map<string, number>()
      for (const [at, { act, key }] of commands.entries()) {
        const name = String(key)
        if (act === 'set') {
          cache.set(name, at)
          model.set(name, at)
        } else if (act === 'delete') {
          cache.delete(name)
          model.delete(name)
        } else {
          const found = cache.get(name)
          assert.ok(found === undefined || found === model.get(name))
        }
      }
      const held = Array.from({ length: 41 }, (_, key) => cache.get(String(key))).filter((value) => value !== undefined)
      assert.ok(held.length <= 10)
    }),
  )
})
