import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseImageName, placeOf } from './image-name.ts'

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`
const names = [
  { text: 'acme/app', want: [null, 'acme/app', 'latest'] },
  { text: 'acme/team/app:v1.2_3', want: [null, 'acme/team/app', 'v1.2_3'] },
  { text: `acme/app@${DIGEST}`, want: [null, 'acme/app', DIGEST] },
  { name: 'a tag beside a digest says nothing', text: `acme/app:v1@${DIGEST}`, want: [null, 'acme/app', DIGEST] },
  { text: 'cr.example.com:5000/acme/app:v1', want: ['cr.example.com:5000', 'acme/app', 'v1'] },
  { text: 'localhost/acme/app', want: ['localhost', 'acme/app', 'latest'] },
  { text: 'acme.cr.example.com/app:v1', want: ['acme.cr.example.com', 'app', 'v1'] },
  { name: 'a port is no tag', text: 'cr.example.com:5000/app', want: ['cr.example.com:5000', 'app', 'latest'] },
  { name: 'a registry alone', text: 'acme', want: null },
  { name: 'a tag of a registry', text: 'acme:v1', want: null },
  { name: 'capitals', text: 'acme/App', want: null },
  { name: 'no climbing out', text: 'acme/../other/app', want: null },
  { name: 'an empty tag', text: 'acme/app:', want: null },
  { name: 'an empty part', text: 'acme//app', want: null },
  { name: 'a digest cut short', text: 'acme/app@sha256:0123', want: null },
  { name: 'an option of a shell', text: 'acme/app:v1 --json', want: null },
]
for (const { text, want, name = text } of names) {
  test(`parseImageName: ${name}`, () => {
    if (want === null) return assert.throws(() => parseImageName(text), /names no image: write <registry>/)
    const { host, path, reference } = parseImageName(text)
    assert.deepEqual([host, path, reference], want)
  })
}

const REGISTRIES = [
  { name: 'acme', hostname: 'acme.cr.example.com' },
  { name: 'beta', hostname: 'cr.example.com/beta' },
]
const places = [
  { name: 'a registry by its name', text: 'acme/team/app', want: ['acme', 'team/app'] },
  { name: "a registry's own host", text: 'acme.cr.example.com/team/app', want: ['acme', 'team/app'] },
  { name: 'the host in its address', text: 'cr.example.com/beta/app', want: ['beta', 'app'] },
  { name: "the server's host", text: 'registry:5000/acme/app', want: ['acme', 'app'] },
  { name: "somebody else's host", text: 'docker.io/acme/app', want: null },
  { name: 'another registry', text: 'gamma/app', want: null },
  { name: 'a registry without a repository', text: 'registry:5000/acme', want: null },
]
for (const { name, text, want } of places) {
  test(`placeOf: ${name}`, () => {
    const place = placeOf(parseImageName(text), REGISTRIES, ['registry:5000'])
    assert.deepEqual(place && [place.registry.name, place.repository], want)
  })
}
