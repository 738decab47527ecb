/** Members of a group that have come and gone on a node; without any, the number of its last change. */
export interface Delta {
  readonly id: string
  /** Counts the changes of this group on that node. */
  readonly version: number
  readonly joined: readonly string[]
  readonly left: readonly string[]
  /** There was nobody before: the change is the whole list. */
  readonly isFirst?: boolean
}

/** A question for lists: of which groups, and which version of each is known: -1 for none. */
export interface Ask {
  readonly ask: readonly (readonly [id: string, version: number])[]
  readonly node: string
  readonly instance: string
}

/** The members of a group on a node, or a part of them. */
export interface List {
  readonly id: string
  readonly version: number
  readonly names: readonly string[]
  /** How many names came before, in earlier parts. */
  readonly at: number
  readonly isLast: boolean
}

/** What nodes send one another of presence. */
export interface Note extends Partial<Delta>, Partial<Ask> {
  readonly node: string
  /** Which life of that node. */
  readonly instance: string
  /** For which life of the receiver: two processes may have one name. */
  readonly to?: string
  readonly lists?: readonly List[]
  /** For a member of the group `id`: a frame in base64, or null to cut it off. */
  readonly act?: { readonly name: string; readonly frame: string | null }
}

export function encodeNote(prefix: string, note: Note): Buffer {
  return Buffer.from(prefix + JSON.stringify(note))
}

/** What `encodeNote` has made; undefined for anything else, which is another's. */
export function decodeNote(prefix: string, frame: Uint8Array): Note | undefined {
  const view = Buffer.from(frame.buffer, frame.byteOffset, frame.length)
  if (view.toString('latin1', 0, prefix.length) !== prefix) return undefined
  try {
    const note = JSON.parse(view.toString('utf8', prefix.length)) as Note
    return typeof note.node === 'string' && typeof note.instance === 'string' ? note : undefined
  } catch {
    return undefined
  }
}
