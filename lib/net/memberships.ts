import type { QbpWritable } from '../streams/writable.ts'

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
