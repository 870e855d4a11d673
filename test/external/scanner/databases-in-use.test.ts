import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { rpm } from '../../../src/scanner/analyzers/rpm.ts'
import { analyzed } from '../../support/analyzed.ts'
import { churn } from '../../support/churn.ts'
import { must, run, tool } from '../../support/tools.ts'

/** Databases as the real BerkeleyDB leaves them when packages have come and gone: buckets that were split, pages that were freed. */

const PERL = tool('perl') ?? ''
const { code } = await run(PERL, ['-MDB_File', '-e', '1'])
const skip = code === 0 ? false : 'no perl with DB_File on this machine'

const APPLY = `
use DB_File; use Fcntl;
$DB_HASH->{bsize} = 4096; $DB_HASH->{lorder} = $ARGV[1];
tie my %database, 'DB_File', $ARGV[0], O_RDWR | O_CREAT, 0644, $DB_HASH or die $!;
while (<STDIN>) {
  chomp; my ($key, $value) = map { pack 'H*', $_ } split / /;
  if (defined $value) { $database{$key} = $value } else { delete $database{$key} }
}`

for (const [order, lorder] of [
  ['little', '1234'],
  ['big', '4321'],
] as const) {
  for (const steps of [1, 50, 300, 1_500]) {
    test(`rpm: BerkeleyDB, ${order}-endian, after ${steps} changes`, { skip }, async (t) => {
      const folder = await mkdtemp(join(tmpdir(), 'entrepot-bdb-'))
      t.after(() => rm(folder, { recursive: true, force: true }))
      const key = (number: number): string => {
        const bytes = Buffer.alloc(4)
        if (order === 'little') bytes.writeUInt32LE(number)
        else bytes.writeUInt32BE(number)
        return bytes.toString('hex')
      }
      const changes = churn(steps, steps)
      const lines = changes.steps.map((step) =>
        'add' in step ? `${key(step.add)} ${step.header.toString('hex')}` : key(step.remove),
      )
      // Record 0 is rpm's counter.
      const input = [`${key(0)} ${key(steps)}`, ...lines, ''].join('\n')
      await must(PERL, ['-e', APPLY, join(folder, 'Packages'), lorder], { input })
      const result = await analyzed(rpm, 'var/lib/rpm/Packages', await readFile(join(folder, 'Packages')))
      assert.deepEqual(result?.problems, [])
      assert.deepEqual(result?.packages.map(({ name }) => name).sort(), changes.left)
    })
  }
}
