// The scanner: advisories, re-evaluation, reading layers, serving meanwhile: node bench/scan.mjs --help
import { launch } from './launch.mjs'

await launch(import.meta.url, './scan.ts')
