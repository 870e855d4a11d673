/** What the data plane tells, in the transaction that did it (outbox). Scans, audit, counters and webhooks consume it. */
export type RegistryEvent =
  | {
      readonly kind: 'manifest_pushed'
      readonly registryId: number
      readonly repositoryId: number
      readonly manifestId: number
      readonly digest: string
      readonly tags: readonly string[]
      readonly actor: string
      readonly address: string | null
    }
  | {
      readonly kind: 'manifest_deleted'
      readonly registryId: number
      readonly repositoryId: number
      readonly manifestId: number
      readonly digest: string
      readonly actor: string
      readonly address: string | null
    }
  | {
      readonly kind: 'tag_deleted'
      readonly registryId: number
      readonly repositoryId: number
      readonly tag: string
      readonly digest: string
      readonly actor: string
      readonly address: string | null
    }
  | {
      readonly kind: 'blob_deleted'
      readonly registryId: number
      readonly repositoryId: number
      readonly digest: string
      readonly actor: string
      readonly address: string | null
    }
