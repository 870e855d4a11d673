import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import type { ApiAnswer, ApiWorld } from './api-world.ts'

type Method = Parameters<ApiWorld['call']>[0]

/** How one of the product's clients is set up: where it was pointed, and what it shows. */
export interface ClientSetup {
  readonly mount: string
  readonly headers: Readonly<Record<string, string>>
}

/** Sends exactly what is written down, as one client with one setup; asserts what clients decide by: the status. */
export class ProductClient {
  readonly #world: ApiWorld
  readonly #setup: ClientSetup

  constructor(world: ApiWorld, setup: ClientSetup) {
    this.#world = world
    this.#setup = setup
  }

  get base(): string {
    return `http://cr.test${this.#setup.mount}`
  }

  async call(method: Method, path: string, status: number, body?: unknown): Promise<ApiAnswer> {
    const { mount, headers } = this.#setup
    const accept = method === 'DELETE' ? {} : { accept: 'application/json' }
    const answer = await this.#world.call(method, mount + path, { headers: { ...accept, ...headers }, body })
    assert.equal(answer.status, status, `${method} ${mount}${path}: ${answer.text}`)
    if (status === 204 || method === 'HEAD') assert.equal(answer.text, '')
    if (status === 201)
      assert.equal(answer.headers['location'], `http://cr.test${mount}${this.#pathOf(method, path, answer)}`)
    if (status >= 400 && method !== 'HEAD') assert.equal(answer.json.httpStatus, status)
    return answer
  }

  /** As Terraform and Ansible wait: until `state` is Running, which the server reaches by itself. */
  async untilRunning(id: string): Promise<ApiAnswer> {
    for (let tries = 0; tries < 10_000; tries += 1) {
      const answer = await this.call('GET', `/registries/${id}`, 200)
      if (answer.json.metadata.state === 'Running') return answer
      assert.ok(['New', 'WaitingForStorage'].includes(answer.json.metadata.state))
      assert.equal(answer.json.properties.hostname, '')
      await setImmediate()
    }
    return assert.fail(`registry ${id} never runs`)
  }

  #pathOf(method: Method, path: string, { json }: ApiAnswer): string {
    return method === 'POST' ? `${path}/${json.id}` : path
  }
}
