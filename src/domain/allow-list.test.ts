import assert from 'node:assert/strict'
import { isIPv4, isIPv6 } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { isAllowed, networkOf, parseAllowList } from './allow-list.ts'
import type { DomainError } from './error.ts'

const matches = [
  { name: 'empty list admits everybody', list: [], address: '203.0.113.9', want: true },
  { name: 'empty list admits what is not an address', list: [], address: 'unix', want: true },
  { name: 'an address stands for itself', list: ['192.0.2.1'], address: '192.0.2.1', want: true },
  { name: 'an address is not its neighbour', list: ['192.0.2.1'], address: '192.0.2.2', want: false },
  { name: 'host bits do not matter', list: ['192.168.0.167/24'], address: '192.168.0.3', want: true },
  { name: 'just outside a range', list: ['192.168.0.167/24'], address: '192.168.1.0', want: false },
  { name: 'a prefix inside a byte', list: ['10.16.0.0/12'], address: '10.31.255.255', want: true },
  { name: 'outside a prefix inside a byte', list: ['10.16.0.0/12'], address: '10.32.0.0', want: false },
  { name: 'every IPv4 address', list: ['0.0.0.0/0'], address: '8.8.8.8', want: true },
  { name: 'every IPv4 address is no IPv6 address', list: ['0.0.0.0/0'], address: '2001:db8::1', want: false },
  { name: 'the documented IPv6 value', list: ['2001:0db8:85a3::/24'], address: '2001:d00:1::', want: true },
  { name: 'IPv4-mapped client, IPv4 range', list: ['192.0.2.0/24'], address: '::ffff:192.0.2.7', want: true },
  { name: 'IPv4-mapped client in hexadecimal', list: ['192.0.2.0/24'], address: '::ffff:c000:207', want: true },
  { name: 'IPv4 client, IPv4-mapped range', list: ['::ffff:192.0.2.0/120'], address: '192.0.2.7', want: true },
  { name: 'every IPv6 address includes IPv4-mapped ones', list: ['::/0'], address: '192.0.2.7', want: true },
  { name: 'a client address with its zone', list: ['fe80::/10'], address: 'fe80::1%eth0', want: true },
  { name: 'not an address', list: ['0.0.0.0/0', '::/0'], address: 'unknown', want: false },
  { name: 'the second entry', list: ['192.0.2.1', '198.51.100.0/24'], address: '198.51.100.1', want: true },
]
for (const { name, list, address, want } of matches) {
  test(`isAllowed: ${name}`, () => assert.equal(isAllowed(parseAllowList(list), address), want))
}

const refused = [
  '',
  ' ',
  '1.2.3',
  '1.2.3.4.5',
  '01.2.3.4',
  '256.1.1.1',
  '1.2.3.4/33',
  '1.2.3.4/',
  '1.2.3.4/-1',
  '1.2.3.4/08',
]
const refusedIpv6 = [
  '::/129',
  ':::',
  '1::2::3',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '::1.2.3',
  '1.2.3.4::',
  'fe80::1%eth0',
]
for (const entry of [...refused, ...refusedIpv6, '1.2.3.4/8/8', 'example.com', '0x7f.1.1.1']) {
  test(`parseAllowList: refuses "${entry}" by name`, () => {
    assert.throws(
      () => parseAllowList([entry]),
      (error: DomainError) => {
        assert.equal(error.kind, 'input_invalid')
        return error.message.includes(`"${entry}"`)
      },
    )
  })
}

test('parseAllowList: 25 entries are the most', () => {
  const entries = Array.from({ length: 25 }, (_, index) => `192.0.2.${index}`)
  assert.equal(parseAllowList(entries).ranges.length, 25)
  assert.throws(() => parseAllowList([...entries, '192.0.2.99']), /26 entries: at most 25/)
})

const ipv4 = fc.ipV4()
const ipv6 = fc.ipV6()
/** From bytes: ipaddr.js reads the deprecated `::1.2.3.4` as an IPv4-mapped address. */
const plainIpv6 = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((bytes) => ipaddr.fromByteArray([...bytes]).toString())

test('isAllowed: agrees with an independent implementation', () => {
  const pair = fc.oneof(
    fc.tuple(ipv4, ipv4, fc.nat(32), fc.nat(32)),
    fc.tuple(plainIpv6, plainIpv6, fc.nat(128), fc.nat(128)),
  )
  fc.assert(
    fc.property(pair, ([one, other, bits, shared]) => {
      const near = blend(one, other, shared)
      const want = ipaddr.parse(near).match(ipaddr.parse(one), bits)
      assert.equal(isAllowed(parseAllowList([`${one}/${bits}`]), near), want)
    }),
    { numRuns: 2000 },
  )
})

test('parseAllowList: takes exactly what node:net takes for an address', () => {
  const near = fc.stringMatching(/^[0-9a-f:.]{1,24}$/)
  fc.assert(
    fc.property(fc.oneof(ipv4, ipv6, near), (text) => {
      let taken = true
      try {
        parseAllowList([text])
      } catch {
        taken = false
      }
      assert.equal(taken, isIPv4(text) || isIPv6(text))
    }),
    { numRuns: 5000 },
  )
})

const networks = [
  { name: 'IPv4 by /24', one: '192.0.2.1', other: '192.0.2.254', same: true },
  { name: 'IPv4 outside /24', one: '192.0.2.1', other: '192.0.3.1', same: false },
  { name: 'IPv4-mapped as IPv4', one: '192.0.2.1', other: '::ffff:192.0.2.9', same: true },
  { name: 'IPv6 by /56', one: '2001:db8:0:1::1', other: '2001:db8:0:ff::9', same: true },
  { name: 'IPv6 outside /56', one: '2001:db8:0:1::1', other: '2001:db8:0:100::1', same: false },
  { name: 'IPv4 and IPv6', one: '192.0.2.1', other: '::1', same: false },
]
for (const { name, one, other, same } of networks) {
  test(`networkOf: ${name}`, () => assert.equal(networkOf(one) === networkOf(other), same))
}

/** `other` with the first `bits` bits of `one`, so that near misses are frequent. */
function blend(one: string, other: string, bits: number): string {
  const [a, b] = [ipaddr.parse(one).toByteArray(), ipaddr.parse(other).toByteArray()]
  const bytes = b.map((byte, at) => {
    const mask = (0xff00 >> Math.min(8, Math.max(0, bits - at * 8))) & 0xff
    return ((a[at] ?? 0) & mask) | (byte & ~mask & 0xff)
  })
  return ipaddr.fromByteArray(bytes).toString()
}
