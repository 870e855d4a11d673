import { openPythonSdk } from './python-sdk.ts'
import { skipWithoutSdk } from './sdk.ts'
import { sdkSuite } from './suite.ts'

const folder = 'sdk-python-1'
const skip = skipWithoutSdk(folder, 'bin/python')
sdkSuite('Python SDK 1.1.0', { open: openPythonSdk(folder), skip, allowLists: false })
