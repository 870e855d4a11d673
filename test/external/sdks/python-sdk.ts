import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { toolFolder } from '../../support/tools.ts'
import type { OpenSdk, SdkAnswer } from './sdk.ts'

const driver = fileURLToPath(new URL('drive.py', import.meta.url))

/** One process per login; it ends when its input does. `folder`: the virtual environment with the version wanted. */
export function openPythonSdk(folder: string): OpenSdk {
  return async (base, login) => {
    const python = join(toolFolder(folder), 'bin', 'python')
    const child = spawn(python, [driver, base, JSON.stringify(login)], { stdio: ['pipe', 'pipe', 'inherit'] })
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    return {
      call: async (operation, parameters = {}) => {
        child.stdin.write(`${JSON.stringify({ operation, arguments: parameters })}\n`)
        const { value, done } = await lines.next()
        if (done) throw new Error(`the driver of ${folder} ended: ${child.exitCode}`)
        return parse(value)
      },
      async [Symbol.asyncDispose]() {
        child.stdin.end()
        if (child.exitCode === null) await once(child, 'exit')
      },
    }
  }
}

/** Python keeps the body of a refusal as text. */
function parse(line: string): SdkAnswer {
  const answer: SdkAnswer = { status: 0, ...JSON.parse(line) }
  return typeof answer.body === 'string' && answer.body !== '' ? { ...answer, body: JSON.parse(answer.body) } : answer
}
