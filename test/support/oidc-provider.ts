import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('oidc-provider-process.mjs', import.meta.url))

export interface Told {
  /** Whoever logs in next. */
  readonly person?: { readonly sub: string; readonly email: string; readonly groups: readonly string[] }
  /** The codes it gives out are over when they are shown. */
  readonly codesAreOver?: boolean
}

/** A real provider in a process of its own, on the loopback. Its client: `entrepot`, `s3cr3t`. */
export class OidcProvider implements AsyncDisposable {
  readonly issuer: string
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, issuer: string) {
    this.#child = child
    this.issuer = issuer
  }

  static async start(redirectUri: string): Promise<OidcProvider> {
    const child = fork(PROGRAM, [redirectUri], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
    const [{ issuer }] = (await once(child, 'message')) as [{ issuer: string }]
    return new OidcProvider(child, issuer)
  }

  async tell(told: Told): Promise<void> {
    const done = once(this.#child, 'message')
    this.#child.send(told)
    await done
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }
}
