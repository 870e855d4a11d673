import type { Command } from './command.ts'
import { defineCommand, defineGroup } from './define.ts'
import { JSON_OPTION } from './local.ts'
import { confirm } from './password.ts'
import { SERVER, withServer } from './server.ts'
import type { Query, ServerClient } from './server-client.ts'
import { findRegistry } from './server-plane.ts'
import { printList } from './table.ts'
import { instantInWords } from './token-words.ts'

// What a server's registries hold, as the product's API tells it.

interface Repository {
  readonly metadata: {
    readonly artifactCount: number
    readonly pullCount: number
    readonly pushCount: number
    readonly lastPushedAt: string | null
    readonly lastPulledAt: string | null
  }
  readonly properties: { readonly name: string }
}

interface Artifact {
  readonly metadata: {
    readonly pullCount: number
    readonly lastPushedAt: string
    readonly lastPulledAt: string | null
    readonly vulnMaxSeverity: string | null
  }
  readonly properties: {
    readonly repositoryName: string
    readonly digest: string
    readonly tags: readonly string[]
    readonly mediaType: string
  }
}

const PAGE = 500

const listRepositories = defineCommand({
  name: 'list',
  summary: 'list the repositories of a registry',
  example: 'entrepot repository list acme --name team/',
  positionals: ['registry'],
  options: {
    name: { type: 'string', value: '<text>', about: 'only those with this in their name' },
    ...SERVER,
    ...JSON_OPTION,
  },
  run: ({ positionals: [registry], options }, context) =>
    withServer(options, context, async (server) => {
      const { id } = await findRegistry(server, registry)
      const query = { 'filter.name': options.name, orderBy: 'name' }
      const rows = await allItems<Repository>(server, `/registries/${id}/repositories`, query)
      return printList(context, rows.map(toRepository), {
        json: options.json,
        headings: ['NAME', 'ARTIFACTS', 'PULLS', 'PUSHES', 'LAST PUSHED', 'LAST PULLED'],
        cells: (row) => [
          row.name,
          String(row.artifacts),
          String(row.pulls),
          String(row.pushes),
          instantInWords(row.lastPushedAt),
          instantInWords(row.lastPulledAt),
        ],
        empty: `There is nothing in ${registry}`,
      })
    }),
})

const removeRepository = defineCommand({
  name: 'delete',
  summary: 'delete a repository with all its images; restorable until the end of quarantine',
  example: 'entrepot repository delete acme team/app --yes',
  positionals: ['registry', 'repository'],
  options: { yes: { type: 'boolean', about: 'do not ask' }, ...SERVER },
  run: ({ positionals: [registry, name], options }, context) =>
    withServer(options, context, async (server) => {
      const path = `/registries/${(await findRegistry(server, registry)).id}/repositories/${encodeURIComponent(name)}`
      await server.get(path)
      await confirm(context.io, `This deletes repository ${registry}/${name} and its images.`, name, options.yes)
      await server.send('DELETE', path)
      context.io.out(`Repository ${registry}/${name} is deleted`)
      return 0
    }),
})

const listArtifacts = defineCommand({
  name: 'list',
  summary: 'list the images and other artifacts of a registry',
  example: 'entrepot artifact list acme --repository team/app',
  positionals: ['registry'],
  options: {
    repository: { type: 'string', value: '<name>', about: 'only those of this repository' },
    ...SERVER,
    ...JSON_OPTION,
  },
  run: ({ positionals: [registry], options }, context) =>
    withServer(options, context, async (server) => {
      const { id } = await findRegistry(server, registry)
      const { repository } = options
      const within = repository === undefined ? '' : `/repositories/${encodeURIComponent(repository)}`
      const rows = await allItems<Artifact>(server, `/registries/${id}${within}/artifacts`)
      return printList(context, rows.map(toArtifact), {
        json: options.json,
        headings: ['REPOSITORY', 'TAGS', 'PULLS', 'LAST PUSHED', 'LAST PULLED', 'WORST FINDING', 'DIGEST'],
        cells: (row) => [
          row.repository,
          row.tags.join(' ') || '-',
          String(row.pulls),
          instantInWords(row.lastPushedAt),
          instantInWords(row.lastPulledAt),
          row.maxSeverity ?? 'not scanned',
          row.digest,
        ],
        empty: `There is nothing in ${registry}${repository === undefined ? '' : `/${repository}`}`,
      })
    }),
})

export const repositoryCommand: Command = defineGroup('repository', 'list and delete the repositories of a registry', [
  listRepositories,
  removeRepository,
])

export const artifactCommand: Command = defineGroup('artifact', 'list images and other artifacts', [listArtifacts])

async function allItems<Item>(server: ServerClient, path: string, query: Query = {}): Promise<Item[]> {
  const all: Item[] = []
  for (;;) {
    const page = await server.get<{ items: Item[] }>(path, { ...query, limit: PAGE, offset: all.length })
    all.push(...page.items)
    if (page.items.length < PAGE) return all
  }
}

function toRepository({ metadata, properties }: Repository) {
  const { artifactCount, pullCount, pushCount, lastPushedAt, lastPulledAt } = metadata
  return {
    name: properties.name,
    artifacts: artifactCount,
    pulls: pullCount,
    pushes: pushCount,
    lastPushedAt,
    lastPulledAt,
  }
}

function toArtifact({ metadata, properties }: Artifact) {
  const { repositoryName, digest, tags, mediaType } = properties
  const { pullCount, lastPushedAt, lastPulledAt, vulnMaxSeverity } = metadata
  return {
    repository: repositoryName,
    digest,
    tags,
    mediaType,
    pulls: pullCount,
    lastPushedAt,
    lastPulledAt,
    maxSeverity: vulnMaxSeverity,
  }
}
