import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { setPriority } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** The program of the process that reads a layer, as JavaScript: it is handed to the process, which then opens no file at all. */
export interface ChildCode {
  /** URL of the module whose `main` is called. */
  readonly entry: string
  /** Text by URL. What is imported and is not in here can only be a part of Node. */
  readonly modules: readonly (readonly [url: string, text: string])[]
}

const MAX_CODE_BYTES = 16 * 1024 * 1024

/**
 * `entry` and all modules in `folders`. A process that strips the types of fifty modules itself begins 150 ms later, each time: that is
 * done once, in another process, whose 150 ms no request waits for.
 */
export async function readChildCode(entry: string, folders: readonly string[]): Promise<ChildCode> {
  const lists = await Promise.all(folders.map(modulesIn))
  const paths = [entry, ...lists.flat()]
  const texts = entry.endsWith('.ts') ? await strippedTexts(paths) : await plainTexts(paths)
  const modules = paths.map((path, index) => [pathToFileURL(path).href, texts[index] ?? ''] as const)
  return { entry: pathToFileURL(entry).href, modules }
}

async function modulesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder)
  const isModule = (name: string): boolean => /\.[jt]s$/.test(name) && !/\.(?:test|d)\.ts$/.test(name)
  return names.filter(isModule).map((name) => join(folder, name))
}

function plainTexts(paths: readonly string[]): Promise<string[]> {
  return Promise.all(paths.map((path) => readFile(path, 'utf8')))
}

const STRIP = `
const { readFileSync } = process.getBuiltinModule('node:fs')
const { stripTypeScriptTypes } = process.getBuiltinModule('node:module')
const texts = JSON.parse(readFileSync(0, 'utf8')).map((path) => stripTypeScriptTypes(readFileSync(path, 'utf8')))
process.stdout.write(JSON.stringify(texts))`

function strippedTexts(paths: readonly string[]): Promise<string[]> {
  const { promise, resolve, reject } = Promise.withResolvers<string[]>()
  const args = ['--disable-warning=ExperimentalWarning', '--eval', STRIP]
  const child = execFile(process.execPath, args, { maxBuffer: MAX_CODE_BYTES, env: {} }, (error, printed) => {
    if (error) reject(error)
    else resolve(JSON.parse(printed) as string[])
  })
  if (child.pid !== undefined) setPriority(child.pid, 19)
  child.stdin?.on('error', () => {}) // it has said why by its end
  child.stdin?.end(JSON.stringify(paths))
  return promise
}
