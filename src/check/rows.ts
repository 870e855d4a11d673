import type { CheckedUpload } from '../metadata/tables/check.ts'
import {
  repositoriesMiscounted,
  repositoriesWithoutCounters,
  strayLinks,
  strayTags,
  uploadsAfter,
} from '../metadata/tables/check.ts'
import type { CheckRun } from './deps.ts'
import { windowsOf } from './deps.ts'
import type { Problem } from './problem.ts'

/** What a repository may serve is there: a live blob of that digest in the same registry. */
export async function* checkLinks(run: CheckRun): AsyncGenerator<Problem, void, void> {
  for await (const window of windowsOf(run, 'repository_blobs')) {
    run.figures.counted.links += window.rows
    for (const { digest, repository, state } of await run.metadata.read((sql) => strayLinks(sql, window))) {
      const blob = state === null ? 'absent' : state === 'live' ? "another one's" : `being removed`
      yield { kind: 'link_stray', subject: `${repository}@${digest}`, detail: `the blob it may serve is ${blob}` }
    }
  }
}

export async function* checkTags(run: CheckRun): AsyncGenerator<Problem, void, void> {
  for await (const window of windowsOf(run, 'tags')) {
    run.figures.counted.tags += window.rows
    for (const { name, repository, manifest } of await run.metadata.read((sql) => strayTags(sql, window))) {
      const detail = manifest === null ? 'it points nowhere' : `it points to ${manifest} of another repository`
      yield { kind: 'tag_stray', subject: `${repository}:${name}`, detail }
    }
  }
}

export async function* checkRepositories(run: CheckRun): AsyncGenerator<Problem, void, void> {
  for await (const window of windowsOf(run, 'repositories')) {
    run.figures.counted.repositories += window.rows
    for (const { name } of await run.metadata.read((sql) => repositoriesWithoutCounters(sql, window)))
      yield { kind: 'counters_missing', subject: name, detail: 'its pulls and pushes are not counted' }
    for (const { name, counted, listed, artifacts } of await run.metadata.read((sql) =>
      repositoriesMiscounted(sql, window),
    )) {
      const detail = `it has ${artifacts} live artifacts, counts ${counted} and lists ${listed}`
      yield { kind: 'counters_wrong', subject: name, detail }
    }
  }
}

const PAGE = 200

/** The objects of an open session are stored and add up to what its client was told. */
export async function* checkUploads(run: CheckRun): AsyncGenerator<Problem, void, void> {
  let after = ''
  for (;;) {
    const from = after
    const page = await run.metadata.read((sql) => uploadsAfter(sql, from, PAGE))
    run.figures.counted.uploads += page.length
    for (const upload of page) {
      const detail = faultIn(upload)
      if (detail) yield { kind: 'upload_parts', subject: upload.id, detail }
    }
    const last = page.at(-1)
    if (last === undefined) return
    after = last.id
  }
}

function faultIn(upload: CheckedUpload): string | null {
  const { size, object_count, parts, last_position, bytes, unstored } = upload
  if (bytes !== size) return `its objects have ${bytes} bytes, ${size} were acknowledged`
  if (parts !== object_count || last_position !== parts - 1)
    return `it lists ${parts} objects up to position ${last_position}, and should have ${object_count}`
  return unstored === 0 ? null : `${unstored} of its objects are not stored as listed`
}
