import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isPublicAddress } from './address-kind.ts'

const cases: readonly (readonly [name: string, isPublic: boolean, ...addresses: string[]])[] = [
  ['somebody on the internet', true, '1.1.1.1', '8.8.8.8', '2606:4700:4700::1111', '2a00:1450:4001:830::200e'],
  [
    'the neighbours of private networks',
    true,
    '9.255.255.255',
    '11.0.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '192.169.0.0',
  ],
  [
    'the neighbours of other special ones',
    true,
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
    '128.0.0.0',
    '223.255.255.255',
  ],
  ['loopback', false, '127.0.0.1', '127.255.255.254', '::1'],
  ['unspecified', false, '0.0.0.0', '0.1.2.3', '::'],
  ['private', false, '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.0.1', 'fc00::1', 'fdff::1'],
  [
    'link-local, with the metadata services of clouds',
    false,
    '169.254.169.254',
    '169.254.0.1',
    'fe80::1',
    'fe80::1%eth0',
    'febf::1',
  ],
  ['the metadata service of another cloud', false, 'fd00:ec2::254', '100.100.100.200'],
  ['carrier NAT', false, '100.64.0.1', '100.127.255.255'],
  ['multicast', false, '224.0.0.1', '239.255.255.255', 'ff02::1', 'ff0e::1'],
  ['broadcast and reserved', false, '255.255.255.255', '240.0.0.1', '192.0.0.1'],
  [
    'documentation and benchmarking',
    false,
    '192.0.2.1',
    '198.51.100.1',
    '203.0.113.1',
    '198.18.0.1',
    '2001:db8::1',
    '3fff::1',
  ],
  ['IPv4 inside IPv6, mapped', false, '::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:8.8.8.8', '::FFFF:10.0.0.1'],
  ['IPv4 inside IPv6, compatible', false, '::127.0.0.1', '::7f00:1', '::808:808'],
  [
    'IPv4 inside IPv6, translated',
    false,
    '64:ff9b::7f00:1',
    '64:ff9b::10.0.0.1',
    '64:ff9b:1::a00:1',
    '::ffff:0:7f00:1',
  ],
  ['IPv4 inside IPv6, tunnelled', false, '2002:7f00:1::', '2002:a00:1::1', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
  ['site-local and discard', false, 'fec0::1', '100::1', '4000::1', '5f00::1', '1::1'],
  ['what is no address', false, '', 'localhost', '1.2.3', '1.2.3.4.5', '256.1.1.1', '::1::', ' 1.1.1.1'],
]

for (const [name, isPublic, ...addresses] of cases) {
  test(`isPublicAddress: ${name}`, () => {
    for (const address of addresses) assert.equal(isPublicAddress(address), isPublic, address)
  })
}
