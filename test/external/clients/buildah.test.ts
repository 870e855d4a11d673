import { storageClient } from './storage-client.ts'
import { clientSuite } from './suite.ts'

clientSuite(storageClient('buildah', () => []))
