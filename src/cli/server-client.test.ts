import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { allOf, ServerClient, ServerError } from './server-client.ts'

/** A client of a server that listens and answers so. */
async function against(answer: RequestListener, timeoutMs = 30_000) {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client = new ServerClient({ url, authorization: 'Bearer key', contract: 2 }, timeoutMs)
  const close = async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return { client, url, [Symbol.asyncDispose]: close }
}

async function refusal(asked: Promise<unknown>): Promise<ServerError> {
  return await asked.then(
    () => assert.fail('it was not refused'),
    (error: unknown) => {
      assert.ok(error instanceof ServerError, String(error))
      return error
    },
  )
}

const refusals = [
  {
    name: 'our own form',
    status: 409,
    body: { type: 'urn:x', title: 'Conflict', status: 409, detail: 'there are two already' },
    says: 'there are two already',
  },
  {
    name: "the product's form",
    status: 400,
    body: { httpStatus: 400, messages: [{ errorCode: 'name-invalid', message: 'the name is not valid' }] },
    says: 'the name is not valid',
  },
  {
    name: "the registry's form",
    status: 403,
    body: { errors: [{ code: 'DENIED', message: 'not from here' }] },
    says: 'not from here',
  },
]
for (const { name, status, body, says } of refusals) {
  test(`a refusal in ${name} is its one sentence`, async () => {
    await using server = await against((_request, response) => response.writeHead(status).end(JSON.stringify(body)))
    const error = await refusal(server.client.get('/x'))
    assert.deepEqual([error.status, error.message], [status, says])
  })
}

test('a server that does not answer in time is said to', async () => {
  await using server = await against(() => {}, 50)
  const error = await refusal(server.client.get('/x'))
  assert.deepEqual([error.status, error.message], [null, `${server.url} has not answered within 0.05 seconds`])
})

test('a body that stops in the middle is said to', async () => {
  await using server = await against((_request, response) => {
    response.writeHead(200, { 'content-length': 100 }).write('{"half":')
    response.socket?.destroySoon()
  })
  for (const asked of [server.client.get('/x'), server.client.send('POST', '/x')]) {
    assert.match((await refusal(asked)).message, /does not answer/)
  }
  assert.match((await refusal(allOf(server.client.stream('/x')))).message, /^what http\S+ sent is not whole: /)
})

test('an answer that is no JSON is not ours', async () => {
  await using server = await against((_request, response) => response.end('<h1>Welcome</h1>'))
  for (const asked of [server.client.get('/x'), server.client.send('POST', '/x')]) {
    assert.match((await refusal(asked)).message, /answered something that is no JSON: is it the right URL\?/)
  }
})

test('what is sent: credentials, contract, query and body; lists go on until there is no more', async () => {
  const seen: string[] = []
  await using server = await against((request, response) => {
    const { authorization, 'x-contract-number': contract } = request.headers
    seen.push(`${request.method} ${request.url} ${authorization} ${contract}`)
    const isLast = request.url?.includes('after=2')
    response.end(JSON.stringify({ items: isLast ? [3] : [1, 2], next: isLast ? null : '2' }))
  })
  const rows = await allOf(server.client.items('/rows', { state: 'dead', kind: undefined }))
  assert.deepEqual(rows, [1, 2, 3])
  assert.deepEqual(seen, [
    'GET /rows?limit=500&state=dead Bearer key 2',
    'GET /rows?limit=500&state=dead&after=2 Bearer key 2',
  ])
})
