import { storageClient } from './storage-client.ts'
import { clientSuite } from './suite.ts'

clientSuite(
  storageClient('podman', (folder) => [
    '--tmpdir',
    `${folder}/tmp`,
    '--events-backend',
    'none',
    '--cgroup-manager',
    'cgroupfs',
  ]),
)
