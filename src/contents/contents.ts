import type { ArtifactPage, ArtifactQuery, RegistryArtifactQuery } from './artifacts.ts'
import { getArtifact, listArtifacts, listArtifactsOfRegistry } from './artifacts.ts'
import { deleteRepository } from './delete-repository.ts'
import type { Actor, ContentsDeps } from './deps.ts'
import type { RepositoryPage, RepositoryQuery } from './repositories.ts'
import { getRepository, listRepositories } from './repositories.ts'
import { tidyLists } from './tidy-lists.ts'
import type { ArtifactView, RegistryAddress, RepositoryView } from './views.ts'

interface RepositoryPlace {
  readonly registryId: string
  readonly repository: string
}

/**
 * What a registry holds as its owner sees it, without HTTP. `registryId` is the public one; what is foreign, deleted or
 * not for this key is as unknown as what never was. Every method may throw `not_found` and `unavailable`; the lists also
 * `input_invalid` when a page lies too deep.
 */
export interface Contents {
  listRepositories(actor: Actor, registryId: string, query: RepositoryQuery): Promise<RepositoryPage>
  getRepository(
    actor: Actor,
    registryId: string,
    name: string,
  ): Promise<{ registry: RegistryAddress; repository: RepositoryView }>
  deleteRepository(actor: Actor, registryId: string, name: string): Promise<{ restorableUntil: number }>

  listArtifactsOfRegistry(actor: Actor, registryId: string, query: RegistryArtifactQuery): Promise<ArtifactPage>
  listArtifacts(actor: Actor, place: RepositoryPlace, query: ArtifactQuery): Promise<ArtifactPage>
  getArtifact(
    actor: Actor,
    place: RepositoryPlace & { readonly digest: string },
  ): Promise<{ registry: RegistryAddress; artifact: ArtifactView }>

  /** For a schedule: lists lose what was deleted in bulk. */
  tidyLists(): Promise<void>
}

export function createContents(deps: ContentsDeps): Contents {
  return {
    listRepositories: (actor, registryId, query) => listRepositories(deps, actor, registryId, query),
    getRepository: (actor, registryId, name) => getRepository(deps, actor, registryId, name),
    deleteRepository: (actor, registryId, name) => deleteRepository(deps, actor, registryId, name),
    listArtifactsOfRegistry: (actor, registryId, query) => listArtifactsOfRegistry(deps, actor, registryId, query),
    listArtifacts: (actor, place, query) => listArtifacts(deps, actor, place, query),
    getArtifact: (actor, place) => getArtifact(deps, actor, place),
    tidyLists: () => tidyLists(deps),
  }
}
