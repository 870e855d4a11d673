// Entrepot beside distribution 3.1.2 in the same run: node bench/run.mjs --help
import { launch } from './launch.mjs'

await launch(import.meta.url, './compare.ts')
