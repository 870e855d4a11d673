import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Affected, RangeEvent } from '../advisories/advisory-index.ts'
import { compareSemver } from '../versions/semver.ts'
import { evaluate } from './evaluate.ts'

function entry(ranges: readonly (readonly RangeEvent[])[], versions: readonly string[] = []): Affected {
  return {
    advisory: 'X-1',
    ecosystem: 'npm',
    name: 'a',
    ranges: ranges.map((events) => ({ type: 'SEMVER', events })),
    versions,
    status: null,
    vendorSeverity: null,
    module: null,
  }
}

const from = (introduced: string): RangeEvent => ({ introduced })
const until = (fixed: string): RangeEvent => ({ fixed })
const upTo = (lastAffected: string): RangeEvent => ({ lastAffected })

const cases = [
  { name: 'in a range', version: '1.5.0', entry: entry([[from('0'), until('2.0.0')]]), want: '2.0.0' },
  { name: 'the fixed version itself', version: '2.0.0', entry: entry([[from('0'), until('2.0.0')]]), want: false },
  {
    name: 'the introduced version itself',
    version: '1.0.0',
    entry: entry([[from('1.0.0'), until('2.0.0')]]),
    want: '2.0.0',
  },
  { name: 'before it was introduced', version: '0.9.0', entry: entry([[from('1.0.0')]]), want: false },
  { name: 'without an end', version: '9.0.0', entry: entry([[from('0')]]), want: null },
  { name: 'the last affected version', version: '1.5.1', entry: entry([[from('0'), upTo('1.5.1')]]), want: null },
  {
    name: 'behind the last affected version',
    version: '1.5.2',
    entry: entry([[from('0'), upTo('1.5.1')]]),
    want: false,
  },
  {
    name: 'two intervals in one range: the first',
    version: '1.1.0',
    entry: entry([[from('1.0.0'), until('1.2.0'), from('2.0.0'), until('2.2.0')]]),
    want: '1.2.0',
  },
  {
    name: 'two intervals in one range: between them',
    version: '1.3.0',
    entry: entry([[from('1.0.0'), until('1.2.0'), from('2.0.0'), until('2.2.0')]]),
    want: false,
  },
  {
    name: 'one version only, its end written first',
    version: '1.0.0',
    entry: entry([[upTo('1.0.0'), from('1.0.0')]]),
    want: null,
  },
  {
    name: 'behind one version only, its end written first',
    version: '1.0.1',
    entry: entry([[upTo('1.0.0'), from('1.0.0')]]),
    want: false,
  },
  {
    name: 'events that are not sorted',
    version: '2.1.0',
    entry: entry([[until('2.2.0'), from('2.0.0'), until('1.2.0'), from('1.0.0')]]),
    want: '2.2.0',
  },
  {
    name: 'fixed and introduced again at one version',
    version: '1.5.0',
    entry: entry([[from('0'), until('1.0.0'), from('1.0.0'), until('2.0.0')]]),
    want: '2.0.0',
  },
  { name: 'an empty interval', version: '1.0.0', entry: entry([[from('1.0.0'), until('1.0.0')]]), want: false },
  {
    name: 'a last affected line is not fixed by the next line',
    version: '1.5.0',
    entry: entry([[from('1.0.0'), upTo('1.9.0'), from('3.0.0'), until('4.0.0')]]),
    want: null,
  },
  {
    name: 'the last affected version itself is not fixed by the next line',
    version: '1.9.0',
    entry: entry([[from('1.0.0'), upTo('1.9.0'), from('3.0.0'), until('4.0.0')]]),
    want: null,
  },
  {
    name: 'several ranges',
    version: '3.1.0',
    entry: entry([
      [from('0'), until('1.0.0')],
      [from('3.0.0'), until('3.2.0')],
    ]),
    want: '3.2.0',
  },
  {
    name: 'ranges that overlap: only the last fix ends them all',
    version: '1.1.0',
    entry: entry([
      [from('0'), until('1.2.0')],
      [from('1.0.0'), until('2.2.0')],
    ]),
    want: '2.2.0',
  },
  { name: 'listed with its tag', version: '1.0.0', entry: entry([], ['v1.0.0']), want: null },
  { name: 'listed', version: '1.0.0', entry: entry([], ['0.9.0', '1.0.0']), want: null },
  { name: 'not listed', version: '1.0.1', entry: entry([], ['1.0.0']), want: false },
  {
    name: 'listed, with a fix in a range',
    version: '1.0.0',
    entry: entry([[from('1.1.0'), until('1.2.0')]], ['1.0.0']),
    want: '1.2.0',
  },
  { name: 'beyond the limit', version: '3.0.0', entry: entry([[from('0'), { limit: '2.0.0' }]]), want: false },
  { name: 'no limit', version: '3.0.0', entry: entry([[from('0'), { limit: '*' }]]), want: null },
  { name: 'nothing said', version: '1.0.0', entry: entry([]), want: false },
  { name: 'a version that cannot be compared', version: 'main', entry: entry([[from('1.0.0')]]), want: 'cannot_tell' },
  {
    name: 'one that is listed needs no comparing',
    version: 'main',
    entry: entry([[from('1.0.0')]], ['main']),
    want: null,
  },
  {
    name: 'a prerelease of the fix',
    version: '2.0.0-rc.1',
    entry: entry([[from('0'), until('2.0.0')]]),
    want: '2.0.0',
  },
] as const

for (const { name, version, entry: affected, want } of cases) {
  test(`evaluate: ${name}`, () => {
    const result = evaluate(compareSemver, version, affected)
    if (want === 'cannot_tell') assert.deepEqual(result, { verdict: 'cannot_tell' })
    else if (want === false) assert.deepEqual(result, { verdict: 'unaffected' })
    else assert.deepEqual(result, { verdict: 'affected', fixedVersion: want })
  })
}
