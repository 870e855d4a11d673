import { openPythonSdk } from './python-sdk.ts'
import { skipWithoutSdk } from './sdk.ts'
import { sdkSuite } from './suite.ts'

const folder = 'sdk-python-2'
const skip = skipWithoutSdk(folder, 'bin/python')
sdkSuite('Python SDK 2.0.0', { open: openPythonSdk(folder), skip, allowLists: true })
