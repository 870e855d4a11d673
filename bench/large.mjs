// One very large blob up and down, and the memory that takes: node bench/large.mjs --help
import { launch } from './launch.mjs'

await launch(import.meta.url, './large-blob.ts')
