import { createRequire } from 'node:module'
import { join } from 'node:path'
import { toolFolder } from '../../support/tools.ts'
import type { OpenSdk, SdkAnswer } from './sdk.ts'

export const NODE_SDK = '@ionos-cloud/sdk-nodejs-container-registry'

type Operation = (parameters: object) => Promise<{ status: number; data: unknown }>
type Api = Readonly<Record<string, Operation | undefined>>
type Package = Readonly<Record<string, new (configuration: object) => Api>> & {
  readonly Configuration: new (given: object) => { setMaxWaitTime(ms: number): unknown }
}

const APIS = ['Locations', 'Names', 'Registries', 'Tokens', 'Repositories', 'Artifacts', 'Vulnerabilities']

/** Runs in this process: it is JavaScript. */
export const openNodeSdk: OpenSdk = async (base, login) => {
  const sdk = createRequire(join(toolFolder('sdk-node'), 'package.json'))(NODE_SDK) as Package
  const { Configuration } = sdk
  const configuration = new Configuration({ basePath: base, ...('token' in login ? { apiKey: login.token } : login) })
  configuration.setMaxWaitTime(0) // Else it waits a second before every request, the first try included.
  const apis = APIS.map((name) => {
    const Class = sdk[`${name}Api`]
    if (Class === undefined) throw new TypeError(`${NODE_SDK} has no ${name}Api`)
    return new Class(configuration)
  })
  return {
    call: async (operation, parameters = {}) => {
      const api = apis.find((one) => typeof one[operation] === 'function')
      if (api === undefined) throw new TypeError(`${NODE_SDK} has no ${operation}`)
      return await answerOf(async () => await api[operation]?.(parameters))
    },
    [Symbol.asyncDispose]: async () => {},
  }
}

async function answerOf(act: () => Promise<{ status: number; data: unknown } | undefined>): Promise<SdkAnswer> {
  try {
    const { status = 0, data } = (await act()) ?? {}
    return { status, data }
  } catch (error) {
    const { response } = error as { response?: { status: number; data: unknown } }
    if (response === undefined) return { status: 0, failure: String(error) }
    return { status: response.status, body: response.data }
  }
}
