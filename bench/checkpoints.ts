import { workerData } from 'node:worker_threads'
import { openCheckpointer } from '../src/metadata/sqlite.ts'

// As `serve` has it (src/checkpointer.ts), aside of whoever is measured: for a Worker, whose `workerData` is the path of the database.
const checkpointer = openCheckpointer({ path: String(workerData) })
setInterval(() => checkpointer.checkpoint(), 1_000)
