import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Digest } from '../src/domain/digest.ts'
import { must, removeAtExit, tool, toolFolder } from '../test/support/tools.ts'

/** A layer as it is pushed, in one of its forms. */
export interface LayerFile {
  readonly path: string
  readonly digest: Digest
  readonly size: number
}

export interface BenchLayer {
  readonly name: string
  readonly diffId: string
  readonly uncompressed: number
  readonly gzip: LayerFile
  readonly zstd: LayerFile
}

export interface ScanImages {
  /** 150 MB of gzip: Debian, Python, Node, and programs with jars. */
  readonly base: readonly BenchLayer[]
  /** 15 MB on top of it. */
  readonly top: BenchLayer
}

/** Another number when what is in the layers changes. */
const VERSION = 1

const PYTHON = [
  'Django==4.2.11 requests==2.31.0 urllib3==2.0.7 idna==3.6 certifi==2024.2.2 charset-normalizer==3.3.2 numpy==1.26.4',
  'SQLAlchemy==2.0.29 Jinja2==3.1.3 MarkupSafe==2.1.5 PyYAML==6.0.1',
].flatMap((line) => line.split(' '))

const NODE = {
  '@aws-sdk/client-s3': '3.550.0',
  '@babel/core': '7.24.4',
  eslint: '8.57.0',
  express: '4.18.2',
  jest: '29.7.0',
  lodash: '4.17.20',
  'react-dom': '18.2.0',
  typescript: '5.4.5',
  webpack: '5.91.0',
}

/** Made of Go: the largest has 49 MB. */
const PROGRAMS = ['@bufbuild/buf-linux-x64@1.28.0', '@esbuild/linux-x64@0.17.19', 'lefthook-linux-x64@1.4.0']

const JAVA = { groupId: 'org.springframework.boot', artifactId: 'spring-boot-starter-web', version: '2.5.0' }

const MAKERS: readonly { readonly name: string; readonly make: (root: string) => Promise<void> }[] = [
  { name: 'debian', make: debian },
  { name: 'python', make: python },
  { name: 'node', make: (root) => node(join(root, 'srv/app'), NODE) },
  { name: 'programs', make: programs },
  { name: 'app', make: app },
]

/** Made once from the registries' packages and kept beside the tools of `.ci/tools.sh`: two minutes, a gigabyte while it lasts. */
export async function scanImages(): Promise<ScanImages> {
  const folder = toolFolder(`scan-images-${VERSION}`)
  await mkdir(folder, { recursive: true })
  const layers: BenchLayer[] = []
  for (const { name, make } of MAKERS) layers.push(await layerOf(folder, name, make))
  const [top, ...base] = layers.reverse()
  if (top === undefined) throw new Error('no layers')
  return { base: base.reverse(), top }
}

/** Known by its description, which is written last. */
async function layerOf(folder: string, name: string, make: (root: string) => Promise<void>): Promise<BenchLayer> {
  const about = join(folder, `${name}.json`)
  if (existsSync(about)) return JSON.parse(await readFile(about, 'utf8')) as BenchLayer
  process.stderr.write(`making the layer "${name}"\n`)
  const root = await mkdtemp(join(tmpdir(), 'entrepot-bench-layer-'))
  removeAtExit(root)
  await make(root)
  const tar = join(folder, `${name}.tar`)
  const plain = ['--sort=name', '--mtime=@0', '--numeric-owner', '--owner=0', '--group=0', '--one-file-system']
  await must('tar', [...plain, '-C', root, '-cf', tar, '.'])
  await rm(root, { recursive: true, force: true })
  await must('gzip', ['-6', '-n', '-k', '-f', tar], { timeout: 300_000 })
  await must('zstd', ['-3', '-q', '-f', tar, '-o', `${tar}.zst`], { timeout: 300_000 })
  const { digest, size } = await fileAt(tar)
  const [gzip, zstd] = [await fileAt(`${tar}.gz`), await fileAt(`${tar}.zst`)]
  await rm(tar)
  const layer: BenchLayer = { name, diffId: digest, uncompressed: size, gzip, zstd }
  await writeFile(`${about}.new`, JSON.stringify(layer))
  await rename(`${about}.new`, about)
  return layer
}

async function fileAt(path: string): Promise<LayerFile> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer)
  return { path, digest: `sha256:${hash.digest('hex')}` as Digest, size: (await stat(path)).size }
}

/** 88 packages, without what apt has fetched. */
async function debian(root: string): Promise<void> {
  const program = tool('debootstrap')
  if (program === null) throw new Error('debootstrap is not installed: .ci/tools.sh debootstrap')
  await must(program, ['--variant=minbase', 'bookworm', root], { timeout: 600_000 })
  for (const path of ['var/cache/apt', 'var/lib/apt/lists', 'dev', 'proc', 'sys'])
    await rm(join(root, path), { recursive: true, force: true })
}

async function python(root: string): Promise<void> {
  const target = join(root, 'usr/local/lib/python3.11/site-packages')
  const fixed = [
    '--only-binary',
    ':all:',
    '--no-deps',
    '--python-version',
    '3.11',
    '--platform',
    'manylinux2014_x86_64',
  ]
  const pip = ['-m', 'pip', '--disable-pip-version-check', 'install', '--quiet', ...fixed]
  await must('python3', [...pip, '--target', target, ...PYTHON], { timeout: 300_000 })
}

async function node(root: string, dependencies: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(root, { recursive: true })
  await writeFile(join(root, 'package.json'), JSON.stringify({ name: 'app', version: '1.0.0', dependencies }))
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline']
  await must('npm', ['install', ...quiet], { cwd: root, timeout: 300_000 })
}

async function programs(root: string): Promise<void> {
  for (const [index, spec] of PROGRAMS.entries()) await program(join(root, `opt/${index}`), spec)
  await jars(join(root, 'opt/java/lib'))
}

async function program(into: string, spec: string): Promise<void> {
  await mkdir(into, { recursive: true })
  const name = (await must('npm', ['pack', '--silent', '--pack-destination', into, spec])).trim()
  await must('tar', ['-xzf', join(into, name), '-C', into, '--strip-components=1'])
  await rm(join(into, name))
}

async function jars(into: string): Promise<void> {
  const { groupId, artifactId, version } = JAVA
  const folder = await mkdtemp(join(tmpdir(), 'entrepot-bench-java-'))
  removeAtExit(folder)
  const coordinates = `<groupId>${groupId}</groupId><artifactId>${artifactId}</artifactId><version>${version}</version>`
  const project =
    '<modelVersion>4.0.0</modelVersion><groupId>bench</groupId><artifactId>app</artifactId><version>1</version>'
  const dependencies = `<dependencies><dependency>${coordinates}</dependency></dependencies>`
  await writeFile(join(folder, 'pom.xml'), `<project>${project}${dependencies}</project>`)
  const copy = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies'
  const repository = `-Dmaven.repo.local=${toolFolder('maven')}`
  await must('mvn', ['-q', '-B', repository, copy, `-DoutputDirectory=${into}`], { cwd: folder, timeout: 300_000 })
  await rm(folder, { recursive: true })
}

/** An application's own layer: packages of Node, a program of Go, and a jar of jars, as Spring makes them. */
async function app(root: string): Promise<void> {
  await node(join(root, 'app'), { express: '4.16.0', lodash: '4.17.4', moment: '2.29.1' })
  await program(join(root, 'app/bin'), '@esbuild/linux-x64@0.17.19')
  const lib = join(root, 'all')
  await jars(lib)
  const nested = join(root, 'fat/BOOT-INF/lib')
  await mkdir(nested, { recursive: true })
  for (const name of (await readdir(lib)).filter((one) => /^(?:spring|log)/.test(one)))
    await cp(join(lib, name), join(nested, name))
  await must('jar', ['-c', '-f', join(root, 'app/app.jar'), '-0', '-M', '-C', join(root, 'fat'), '.'])
  for (const name of ['all', 'fat']) await rm(join(root, name), { recursive: true })
}
