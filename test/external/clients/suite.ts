import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { skipWithout } from '../../support/tools.ts'
import { assertOk, assertRefused, SAYS_DENIED, SAYS_UNAUTHORIZED, SAYS_UNKNOWN } from './assertions.ts'
import type { Bench } from './bench.ts'
import { useBench } from './bench.ts'
import type { Client } from './client.ts'
import type { Kind } from './images.ts'
import { platformImages } from './images.ts'
import { LONG } from './programs.ts'
import { ask, assertReferredBy, assertServerHolds, pushOverWire } from './wire.ts'

/** What the short run takes besides TLS and small images: the cheapest choices that still cover them. */
const SHORT_OVER_HTTP = ['docker', 'containerd', 'crane']
const SHORT_WITH_BIG = 'crane over TLS'

/** What one client does over each transport, and from repository to repository. `more` adds what only it can do. */
export function clientSuite(client: Client, more: (bench: Bench) => void = () => {}) {
  for (const transport of LONG || SHORT_OVER_HTTP.includes(client.name) ? ['TLS', 'HTTP'] : ['TLS']) {
    const title = `${client.name} over ${transport}`
    suite(title, client, () => {
      const bench = useBench(client, { tls: transport === 'TLS' })
      testWrongPassword(client, bench)
      for (const kind of client.kinds.filter((each) => each !== 'big' || LONG || title === SHORT_WITH_BIG)) {
        testRoundTrip(client, bench, kind)
      }
      testRefusals(bench)
      if (client.can.includes('delete')) testDelete(bench)
      more(bench)
    })
  }
  if (!client.can.includes('copy')) return
  suite(`${client.name} from repository to repository`, client, () => {
    testMount(client, useBench(client, { tls: false, counted: true }))
  })
}

/** A skipped test rather than a skipped suite, which node:test does not count. */
function suite(title: string, { programs, needsRoot }: Client, body: () => void) {
  const skip = needsRoot && process.getuid?.() !== 0 ? 'needs root' : skipWithout(...programs)
  if (skip) test(title, { skip })
  else describe(title, body)
}

function testWrongPassword(client: Client, bench: Bench) {
  test('a wrong password is refused, and the client says so', async (t) => {
    const stranger = await bench.account('stranger', { ...bench.target.writer, password: 'wrong' })
    const login = await bench.acts.login(stranger)
    if (client.loginAsks) return t.diagnostic(assertRefused(login, SAYS_UNAUTHORIZED))
    const push = await bench.acts.push(await bench.image('image'), `${bench.name('team/wrong')}:v1`, stranger)
    t.diagnostic(assertRefused(push, SAYS_UNAUTHORIZED))
  })
}

function testRoundTrip(client: Client, bench: Bench, kind: Kind) {
  test(`push, pull and compare: ${kind}`, async (t) => {
    const { acts, writer, target } = bench
    const [image, reference] = [await bench.image(kind), `${bench.name(`team/${kind}`)}:v1`]
    const name = { repository: `${target.registry}/team/${kind}`, tag: 'v1' }
    const subject = kind === 'subject' ? await bench.image('image') : null
    if (subject) assertOk(await acts.push(subject, `${bench.name('team/subject')}:about`, writer))
    const onlyPulls = client.onlyPulls?.(kind, target) ?? false
    if (onlyPulls) {
      t.diagnostic(`${client.name} cannot push this; it pulls what was pushed over plain requests`)
      await pushOverWire(target, name, image)
    } else assertOk(await acts.push(image, reference, writer))
    await assertServerHolds(target, name, image, client.keepsBytes || onlyPulls)
    assertOk(await acts.pull(image, reference, writer))
    await acts.verify(image, reference, writer)
    if (subject) await assertReferredBy(target, name.repository, subject, image)
  })
}

function testRefusals(bench: Bench) {
  test('a token that may only pull cannot push, and the client says so', async (t) => {
    const { acts, target } = bench
    if (!target.reader) return t.skip('this server has no read-only logins')
    const reader = await bench.account('reader', target.reader)
    assertOk(await acts.login(reader))
    const image = await bench.image('image', 'refused')
    t.diagnostic(assertRefused(await acts.push(image, `${bench.name('team/refused')}:v1`, reader), SAYS_DENIED))
  })
  test('nothing is shown without a login', async (t) => {
    const [image, reference] = [await bench.image('image', 'private'), `${bench.name('team/private')}:v1`]
    assertOk(await bench.acts.push(image, reference, bench.writer))
    const nobody = await bench.account('nobody', { username: '', password: '' })
    t.diagnostic(assertRefused(await bench.acts.pull(image, reference, nobody), SAYS_DENIED))
  })
  test('an unknown repository is said to be unknown', async (t) => {
    const pull = await bench.acts.pull(await bench.image('image'), `${bench.name('team/absent')}:v1`, bench.writer)
    t.diagnostic(assertRefused(pull, SAYS_UNKNOWN))
  })
}

function testDelete(bench: Bench) {
  test('delete', async () => {
    const { acts, target, writer } = bench
    const [image, reference] = [await bench.image('image', 'removed'), `${bench.name('team/removed')}:v1`]
    assertOk(await acts.push(image, reference, writer))
    assert.ok(acts.remove)
    assertOk(await acts.remove(`${bench.name('team/removed')}@${image.top.digest}`, writer))
    for (const gone of ['v1', image.top.digest]) {
      const { status } = await ask(target, 'GET', `/v2/${target.registry}/team/removed/manifests/${gone}`)
      assert.equal(status, 404, gone)
    }
    assertRefused(await acts.pull(image, reference, writer), SAYS_UNKNOWN)
  })
}

function testMount(client: Client, bench: Bench) {
  test('a copy mounts the blobs and sends none of them', async (t) => {
    const { acts, writer, proxy, target } = bench
    const [from, to] = [`${bench.name('from')}:v1`, `${bench.name('to')}:v1`]
    const image = await bench.image('image')
    assertOk(await acts.push(image, from, writer))
    assert.ok(acts.copy && proxy)
    proxy.passed.length = 0
    assertOk(await acts.copy(image, from, to, writer))
    const uploads = proxy.passed.filter(({ path }) => path.startsWith(`/v2/${target.registry}/to/blobs/uploads/`))
    const mounts = uploads.filter(({ path, status }) => path.includes('mount=') && status === 201).length
    const sentBytes = uploads.reduce((sum, { requestBytes }) => sum + requestBytes, 0)
    t.diagnostic(`${mounts} mounts, ${sentBytes} bytes sent`)
    const [one] = await platformImages(image)
    const expected = client.mountsConfig ? { mounts: 3, sentBytes: 0 } : { mounts: 2, sentBytes: one?.config.size }
    assert.deepEqual({ mounts, sentBytes }, expected, JSON.stringify(proxy.passed, null, 1))
    assert.equal((await ask(target, 'GET', `/v2/${target.registry}/to/manifests/v1`)).status, 200)
  })
}
