import type { Image, Kind } from './images.ts'
import type { Ran } from './programs.ts'
import type { Login, Target } from './target.ts'

/** Somebody at work with a client: a login, and a folder of its own where the client keeps what it was told. */
export interface Account extends Login {
  home: string
}

/** A client program: what it needs, what it can carry, and how each act is typed. */
export interface Client {
  name: string
  programs: string[]
  /** Whether its daemon or its storage takes root. */
  needsRoot?: boolean
  kinds: readonly Kind[]
  /** Whether it pulls a kind that it cannot push; somebody else pushes it then. */
  onlyPulls?(kind: Kind, target: Target): boolean
  /** Besides push and pull: delete on the server, and from repository to repository on it. */
  can: readonly ('delete' | 'copy')[]
  /** Whether the server ends up with exactly the bytes of the layout; false: the client compresses layers anew. */
  keepsBytes: boolean
  /** Whether `login` asks the server; false: it only stores the password, which is found wrong at the first use. */
  loginAsks: boolean
  /** Whether a copy mounts the config like a layer; false: the client always sends that one small blob. */
  mountsConfig: boolean
  /** `folder` is empty and the client's own, for daemons and storage. */
  open(target: Target, folder: string): Promise<Acts>
}

/** Every act but `verify` answers with what the program said and how it ended, and throws only if it could not start. */
export interface Acts extends AsyncDisposable {
  login(as: Account): Promise<Ran>
  push(image: Image, reference: string, as: Account): Promise<Ran>
  /** Gets everything `image` has from the server, nothing from what the client already holds. */
  pull(image: Image, reference: string, as: Account): Promise<Ran>
  /** Throws unless what was pulled last has the content of `image`. */
  verify(image: Image, reference: string, as: Account): Promise<void>
  /** Deletes the manifest on the server. */
  remove?(digestReference: string, as: Account): Promise<Ran>
  /** Brings an image that this client pushed as `from` to another repository of the same server. */
  copy?(image: Image, from: string, to: string, as: Account): Promise<Ran>
}
