import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ApiWorld } from './api-world.ts'
import type { Printed, TypedLine } from './cli.ts'
import { type } from './cli.ts'

export const ANN = 'ann@example.com'
export const PASSWORD = 'correct horse battery'

/** A server that listens, with its real rooms, database and doors; Ann, who owns a contract; and a home directory for logins. */
export class CliWorld implements AsyncDisposable {
  readonly api: ApiWorld
  readonly url: string
  readonly home: string
  readonly contract: number

  private constructor(api: ApiWorld, url: string, home: string, contract: number) {
    this.api = api
    this.url = url
    this.home = home
    this.contract = contract
  }

  static async open(env: Readonly<Record<string, string>> = {}): Promise<CliWorld> {
    const api = await ApiWorld.open(env)
    const url = await api.server.listen({ host: '127.0.0.1', port: 0 })
    const contract = await api.people.contract()
    await api.people.user(contract, ANN, { role: 'owner', password: PASSWORD })
    return new CliWorld(api, url, await mkdtemp(join(tmpdir(), 'entrepot-home-')), contract)
  }

  /** Ann's, with what it may not do. */
  async apiKey(given: Parameters<ApiWorld['people']['apiKey']>[2] = {}): Promise<string> {
    return (await this.api.people.apiKey(this.contract, ANN, given)).text
  }

  /** As whoever is logged in from this home, unless `env` says otherwise; the clock is the server's. */
  type(line: string, given: TypedLine = {}): Promise<Printed> {
    return type(line, { env: { HOME: this.home }, now: this.api.people.clock, ...given })
  }

  async logIn(): Promise<void> {
    const { code, err } = await this.type(`login ${this.url} --email ${ANN}`, { piped: [PASSWORD] })
    if (code !== 0) throw new Error(err)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.api[Symbol.asyncDispose]()
    await rm(this.home, { recursive: true, force: true })
  }
}
