// A real OpenID Connect provider as a process of its own. Whoever comes is the person it was told last, without typing; all
// else is as the library does it. Told by its parent: `Told` in oidc-provider.ts; answers 'done'.
import { createServer } from 'node:http'
import { Provider } from 'oidc-provider'

const [redirectUri] = process.argv.slice(2)
const client = { client_id: 'entrepot', client_secret: 's3cr3t', redirect_uris: [redirectUri] }
const people = new Map()
let person = { sub: 'nobody', email: 'nobody@idp.example', groups: [] }
let codesAreOver = false
let provider

const server = createServer((request, reply) => void answer(request, reply))
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`
  provider = makeProvider(issuer)
  process.send({ issuer })
})
process.on('message', (told) => {
  person = told.person ?? person
  codesAreOver = told.codesAreOver ?? codesAreOver
  process.send('done')
})
process.on('disconnect', () => process.exit())

function makeProvider(issuer) {
  const made = new Provider(issuer, {
    clients: [client],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], groups: ['groups'] },
    scopes: ['openid', 'email', 'groups'],
    pkce: { required: () => true },
    cookies: { keys: ['of a test'] },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    findAccount: (_context, sub) => ({
      accountId: sub,
      claims: async () => ({ email_verified: true, ...people.get(sub), sub }),
    }),
  })
  made.on('authorization_code.saved', (code) => {
    const now = Math.floor(Date.now() / 1_000)
    if (!codesAreOver || code.exp < now) return
    code.exp = now - 1
    void code.save(60)
  })
  return made
}

async function answer(request, reply) {
  if (!request.url.startsWith('/interaction/')) {
    await provider.callback()(request, reply)
    return
  }
  const { prompt, session } = await provider.interactionDetails(request, reply)
  if (prompt.name === 'login') {
    people.set(person.sub, person)
    await provider.interactionFinished(request, reply, { login: { accountId: person.sub } })
    return
  }
  const grant = new provider.Grant({ accountId: session.accountId, clientId: client.client_id })
  grant.addOIDCScope('openid email groups')
  await provider.interactionFinished(request, reply, { consent: { grantId: await grant.save() } })
}
