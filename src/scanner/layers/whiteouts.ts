/** What an entry of that name takes away from the layers below. Source: OCI image-spec 1.1, layer.md, "Whiteouts". */
export type Whiteout =
  | { readonly kind: 'hides'; readonly path: string }
  | { readonly kind: 'opaque'; readonly path: string }
  /** Bookkeeping of aufs: nothing is hidden by it, and it is no file. */
  | { readonly kind: 'none' }

const PREFIX = '.wh.'
const OPAQUE = '.wh..wh..opq'

/** Null: an ordinary entry. `path` is clean. */
export function whiteoutOf(path: string): Whiteout | null {
  const slash = path.lastIndexOf('/')
  const name = path.slice(slash + 1)
  if (!name.startsWith(PREFIX)) return null
  const directory = slash < 0 ? '' : path.slice(0, slash)
  if (name === OPAQUE) return { kind: 'opaque', path: directory }
  const hidden = name.slice(PREFIX.length)
  if (hidden === '' || hidden.startsWith(PREFIX)) return { kind: 'none' }
  return { kind: 'hides', path: directory === '' ? hidden : `${directory}/${hidden}` }
}
