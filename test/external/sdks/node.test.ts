import { join } from 'node:path'
import { NODE_SDK, openNodeSdk } from './node-sdk.ts'
import { skipWithoutSdk } from './sdk.ts'
import { sdkSuite } from './suite.ts'

const skip = skipWithoutSdk('sdk-node', join('node_modules', NODE_SDK, 'package.json'))
sdkSuite('Node SDK 1.1.0', { open: openNodeSdk, skip, allowLists: true })
