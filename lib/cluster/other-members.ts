import type { Delta, List } from './presence-note.ts'

/** Somebody in a group: by the name it joined with, and the node it is connected to. */
export interface Presence {
  readonly name: string
  readonly node: string
}

/** A node's members, by name: several may have one. */
interface Others {
  readonly node: string
  version: number
  names: Map<string, number>
  /** A list that has not come whole yet. */
  coming: { version: number; names: string[] }
}

const NOTHING: Others['coming'] = { version: -1, names: [] }

/** A group's members on the other nodes, as those have reported them: whole lists, and then each change by its number. */
export class OtherMembers implements Iterable<Presence> {
  readonly #onChange: (what: 'join' | 'leave', presence: Presence) => void
  /** By the life of a node. */
  readonly #others = new Map<string, Others>()

  constructor(onChange: (what: 'join' | 'leave', presence: Presence) => void) {
    this.#onChange = onChange
  }

  *[Symbol.iterator](): Iterator<Presence> {
    for (const { node, names } of this.#others.values())
      for (const [name, count] of names) for (let n = 0; n < count; n++) yield { name, node }
  }

  /** Which version of a node's list is known; -1 for none. */
  versionOf(instance: string): number {
    return this.#others.get(instance)?.version ?? -1
  }

  /** A change. @returns whether it was the next one: if not, the list is to be asked for. */
  hear(node: string, instance: string, { version, joined, left, isFirst = false }: Delta): boolean {
    const others = this.#others.get(instance)
    const known = others?.version ?? 0
    if (version <= known) return true
    const isNext = isFirst || (version === known + 1 && joined.length + left.length > 0)
    if (!isNext) return false
    const names = isFirst ? new Map<string, number>() : new Map(others?.names)
    for (const name of joined) addName(names, name, 1)
    if (!isFirst) for (const name of left) addName(names, name, -1)
    this.#set(instance, { node, version, names, coming: NOTHING })
    return true
  }

  /** A list, or a part of it. */
  take(node: string, instance: string, { version, names, at, isLast }: List): void {
    const others = this.#others.get(instance) ?? { node, version: -1, names: new Map(), coming: NOTHING }
    if (version <= others.version) return
    if (at === 0) others.coming = { version, names: [] }
    // Two answers may come at once, part by part: they are the same.
    const { coming } = others
    if (coming.version !== version || coming.names.length !== at) return
    coming.names.push(...names)
    this.#others.set(instance, others)
    if (!isLast) return
    const whole = new Map<string, number>()
    for (const name of coming.names) addName(whole, name, 1)
    this.#set(instance, { node, version, names: whole, coming: NOTHING })
  }

  /** A node has gone, with all of its members. */
  forget(instance: string): void {
    const others = this.#others.get(instance)
    if (others === undefined) return
    this.#others.delete(instance)
    for (const [name, count] of others.names) this.#changed('leave', name, others.node, count)
  }

  #set(instance: string, next: Others): void {
    const before = this.#others.get(instance)?.names ?? new Map<string, number>()
    this.#others.set(instance, next)
    for (const [name, count] of before) {
      const now = next.names.get(name) ?? 0
      if (now < count) this.#changed('leave', name, next.node, count - now)
    }
    for (const [name, count] of next.names) {
      const was = before.get(name) ?? 0
      if (count > was) this.#changed('join', name, next.node, count - was)
    }
  }

  #changed(what: 'join' | 'leave', name: string, node: string, times: number): void {
    for (let n = 0; n < times; n++) this.#onChange(what, { name, node })
  }
}

/** Counts a name up or down. */
export function addName(names: Map<string, number>, name: string, by: number): void {
  const count = (names.get(name) ?? 0) + by
  if (count > 0) names.set(name, count)
  else names.delete(name)
}
