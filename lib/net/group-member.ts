import { given } from '../base/given.ts'
import type { Role } from '../base/role.ts'
import type { Protocol } from '../protocol/protocol.ts'
import { type WriterPort, writerPort } from '../streams/ports.ts'
import type { QbpWritable } from '../streams/writable.ts'
import type { QbpConnection } from './connection.ts'
import { type GroupFrame, LatestFrames } from './latest-frames.ts'

/** Who can be in a group: a writer, or a connection, which stands for its writer. */
export type Member<P extends Protocol = Protocol, R extends Role = Role> = QbpWritable<P, R> | QbpConnection<P, R>

/** The writer that a member stands for. */
export function writerOf<P extends Protocol, R extends Role>(member: Member<P, R>): QbpWritable<P, R> {
  const writer = (member === Object(member) && 'writer' in member ? member.writer : member) as QbpWritable<P, R>
  given(writer?.[writerPort] !== undefined, member, 'a QbpWritable or a QbpConnection', 'A Group')
  return writer
}

/** What becomes of a message for a member that takes its bytes too slowly; see GroupOptions. */
export type Slow = 'destroy' | 'skip' | 'latest'

/** How one message goes to slow members. */
export interface Way {
  readonly slow: Slow
  readonly key: unknown
  /** How many bytes may wait for a member before it is slow. Default: see GroupOptions. */
  readonly mostBytes: number | undefined
}

/** A member of a group, its port, and what it joined with. */
export class Joined<P extends Protocol, R extends Role, D> {
  readonly member: Member<P, R>
  readonly data: D
  readonly port: WriterPort
  #latest: LatestFrames | null = null

  /** @param before the same member, if it was one already: what waits for it waits on. */
  constructor(member: Member<P, R>, data: D, before?: Joined<P, R, D>) {
    this.member = member
    this.data = data
    this.port = writerOf(member)[writerPort]
    if (before !== undefined) this.#latest = before.#latest
  }

  /**
   * Writes a frame, or what its way says.
   *
   * @returns whether it was written; else the message that the member does not get: this one or one that it replaces, null
   * where this one waits in place of none.
   */
  give(frame: GroupFrame, way: Way): true | object | null {
    const { port } = this
    try {
      if (way.slow === 'destroy') {
        port.frame(frame.bytes, frame.entry, frame.message)
        return true
      }
      return way.slow === 'skip' ? this.#orSkip(frame, way) : this.#orLatest(frame, way)
    } catch (full) {
      writerOf(this.member).destroy(full as Error)
      return null
    }
  }

  #orSkip(frame: GroupFrame, { mostBytes }: Way): true | object {
    if (!this.port.hasRoom(frame.bytes.length, mostBytes)) return this.#skip(frame.message)
    this.port.frame(frame.bytes, frame.entry, frame.message)
    return true
  }

  #orLatest(frame: GroupFrame, { key, mostBytes }: Way): true | object | null {
    const { highWaterMark, maxQueuedBytes } = this.port
    const most = Math.min(mostBytes ?? Math.min(highWaterMark, maxQueuedBytes / 2), maxQueuedBytes)
    this.#latest?.flush()
    if ((this.#latest?.isEmpty ?? true) && this.port.hasRoom(frame.bytes.length, most)) {
      this.port.frame(frame.bytes, frame.entry, frame.message)
      return true
    }
    this.#latest ??= new LatestFrames(this.port)
    const replaced = this.#latest.put(key, frame, most)
    return replaced === undefined ? null : this.#skip(replaced.message)
  }

  #skip(message: object): object {
    this.port.skip()
    return message
  }

  /** It has left: what waits for it is given up. */
  leave(): void {
    this.#latest?.clear()
  }
}

type Writer = QbpWritable<never, never>

/** A group, which a writer that closes leaves. */
interface Leavable {
  leave(writer: Writer): boolean
}

/** The groups that each writer is in: one listener for all of them, as Node takes the 11th of one kind for a leak. */
const groups = new WeakMap<Writer, Set<Leavable>>()

/** Has a group left when the writer closes. */
export function leaveAtClose(writer: Writer, group: Leavable): void {
  let joined = groups.get(writer)
  if (joined === undefined) {
    joined = new Set()
    groups.set(writer, joined)
    writer.on('close', onClose)
  }
  joined.add(group)
}

/** The writer has left a group. */
export function forgetGroup(writer: Writer, group: Leavable): void {
  const joined = groups.get(writer)
  joined?.delete(group)
  if (joined?.size !== 0) return
  groups.delete(writer)
  writer.off('close', onClose)
}

function onClose(this: Writer): void {
  for (const group of groups.get(this) ?? []) group.leave(this)
}
