// Lists and starts with many repositories and tags: node bench/lists.mjs --help
import { launch } from './launch.mjs'

await launch(import.meta.url, './long-lists.ts')
