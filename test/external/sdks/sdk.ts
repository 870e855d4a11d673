import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { toolFolder } from '../../support/tools.ts'

/** What the product's own client made of an answer. */
export interface SdkAnswer {
  /** 0: it could not read the answer; `failure` says why. */
  readonly status: number
  /** As its classes hold it, under the names of the wire; nulls may be left out, dates be written otherwise. */
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into it
  readonly data?: any
  /** Of a refusal, as it came. */
  readonly body?: unknown
  readonly failure?: string
}

/** One of the product's client libraries, pointed at a server with one login. Operations are called as the Node one calls them. */
export interface Sdk extends AsyncDisposable {
  call(operation: string, parameters?: Readonly<Record<string, unknown>>): Promise<SdkAnswer>
}

export type Login = { readonly username: string; readonly password: string } | { readonly token: string }
export type OpenSdk = (base: string, login: Login) => Promise<Sdk>

/** A folder of `.ci/tools.sh`'s cache, which has a file of that name; for node:test's `skip`. */
export function skipWithoutSdk(folder: string, file: string): false | string {
  return existsSync(join(toolFolder(folder), file)) ? false : `not installed: ${folder} (see .ci/tools.sh)`
}
