import type { Bus, Subscription } from '../bus/contract.ts'
import { immediate } from '../event-loop/timers.ts'
import { addName, OtherMembers, type Presence } from './other-members.ts'
import type { Delta, List } from './presence-note.ts'

export type { Presence }

/** How the rosters of a bus's groups reach those of the other nodes. */
export interface RosterShare {
  readonly bus: Bus
  nextVersion(id: string): number
  isCurrent(roster: Roster): boolean
  attend(): void
  publish(id: string, delta: Delta): Promise<void>
  subscribe(id: string): Promise<Subscription>
  ask(id: string): Promise<void>
  askPeer(id: string, instance: string): void
  act(id: string, node: string, name: string, frame: Uint8Array | null): Promise<void>
  exit(roster: Roster): Promise<void>
}

/**
 * The members of a group, over all nodes. Those of this node are reported to the others; those of the others are known once
 * somebody has asked here.
 */
export class Roster {
  readonly id: string
  readonly #attendance: RosterShare
  readonly #own: () => Iterable<string>
  readonly #onAct: (name: string, frame: Uint8Array | null) => void
  readonly #onChange: (what: 'join' | 'leave', presence: Presence) => void
  readonly #others: OtherMembers
  /** Rises with each change, and from one roster of the group to the next. */
  #version: number
  /** Whether the others may know of members here. */
  #hasReported = false
  #joined: string[] = []
  #left: string[] = []
  #reporting: Promise<void> | undefined
  /** The version that was published twice: a last change that got lost is found out by that. */
  #confirmed: number
  #watching: Promise<Subscription> | undefined
  #isClosed = false

  constructor(
    attendance: RosterShare,
    id: string,
    own: () => Iterable<string>,
    onChange: (what: 'join' | 'leave', presence: Presence) => void,
    onAct: (name: string, frame: Uint8Array | null) => void,
  ) {
    this.#attendance = attendance
    this.id = id
    this.#own = own
    this.#onChange = onChange
    this.#others = new OtherMembers(onChange)
    this.#onAct = onAct
    this.#version = attendance.nextVersion(id)
    this.#confirmed = this.#version
  }

  /** The number of its last change. */
  get version(): number {
    return this.#version
  }

  /** It follows one of the same group that has not left yet: the others ask anew who is there. */
  takeOver(): void {
    this.#hasReported = true
    this.announceVersion()
  }

  /** Writes to the members of a name, wherever they are, or cuts them off. @returns how many there are. */
  async reach(name: string, frame: Uint8Array | null): Promise<number> {
    const named = (await this.members()).filter((member) => member.name === name)
    const { node: here } = this.#attendance.bus
    const nodes = new Set(named.map(({ node }) => node))
    if (nodes.delete(here)) this.act(name, frame)
    await Promise.all([...nodes].map((node) => this.#attendance.act(this.id, node, name, frame)))
    return named.length
  }

  /** The same for those of this node. */
  act(name: string, frame: Uint8Array | null): void {
    this.#onAct(name, frame)
  }

  /** Whether somebody wants to know of the other nodes' members. */
  get isWatched(): boolean {
    return this.#watching !== undefined
  }

  /** A member of this node has come. */
  join(name: string): void {
    this.#attendance.attend()
    this.#joined.push(name)
    this.#report()
    this.#onChange('join', { name, node: this.#attendance.bus.node })
  }

  /** A member of this node has gone. */
  leave(name: string): void {
    this.#left.push(name)
    this.#report()
    this.#onChange('leave', { name, node: this.#attendance.bus.node })
  }

  /** This node's members, then the other nodes' as those have reported them. */
  async members(): Promise<Presence[]> {
    await this.watch()
    const { node } = this.#attendance.bus
    return [...Array.from(this.#own(), (name) => ({ name, node })), ...this.#others]
  }

  /** Begins to hear of the other nodes' members. Resolves once they have said who is there. */
  watch(): Promise<unknown> {
    if (this.#watching !== undefined || this.#isClosed) return this.#watching ?? Promise.resolve()
    const watching = this.#attendance.subscribe(this.id).then(async (subscription) => {
      try {
        await this.#attendance.ask(this.id)
        return subscription
      } catch (error) {
        subscription.close()
        throw error
      }
    })
    this.#watching = watching
    watching.catch(() => {
      if (this.#watching === watching) this.#watching = undefined
    })
    return watching
  }

  /** Resolves once the others can know. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#watching?.then(
      (subscription) => subscription.close(),
      () => {},
    )
    await this.#reporting
    await this.#attendance.exit(this)
  }

  /** Which version of a node's list is known; -1 for none. */
  versionOf(instance: string): number {
    return this.#others.versionOf(instance)
  }

  /** A change on another node. */
  hear(node: string, instance: string, delta: Delta): void {
    if (this.isWatched && !this.#others.hear(node, instance, delta)) this.#attendance.askPeer(this.id, instance)
  }

  /** The list of another node, or a part of it. */
  take(node: string, instance: string, list: List): void {
    if (this.isWatched) this.#others.take(node, instance, list)
  }

  /** A node has gone, with all of its members. */
  forget(instance: string): void {
    this.#others.forget(instance)
  }

  /** This node's list, in parts of so many bytes; empty where the version is known. */
  *lists(known: number, bytes: number): Generator<List> {
    const { id } = this
    const version = this.#version
    if (known === version) {
      yield { id, version, names: [], at: 0, isLast: true }
      return
    }
    let names: string[] = []
    let size = 0
    let at = 0
    for (const name of this.#announced()) {
      names.push(name)
      size += name.length + 3
      if (size < bytes) continue
      yield { id, version, names, at, isLast: false }
      at += names.length
      ;[names, size] = [[], 0]
    }
    yield { id, version, names, at, isLast: true }
  }

  /** Publishes the number of the last change, once more than the change itself. */
  confirm(): void {
    if (this.#confirmed === this.#version || this.#reporting !== undefined) return
    this.#confirmed = this.#version
    this.announceVersion()
  }

  announceVersion(): void {
    if (!this.#hasReported) return
    this.#attendance.publish(this.id, { id: this.id, version: this.#version, joined: [], left: [] }).catch(() => {})
  }

  /** Those of this node's members that the published changes make up. */
  *#announced(): Iterable<string> {
    const pending = new Map<string, number>()
    for (const name of this.#joined) addName(pending, name, 1)
    for (const name of this.#own()) {
      if ((pending.get(name) ?? 0) > 0) addName(pending, name, -1)
      else yield name
    }
    yield* this.#left
  }

  #report(): void {
    this.#reporting ??= new Promise<void>((resolve) => immediate(resolve))
      .then(() => {
        if (!this.#attendance.isCurrent(this)) return undefined // Another has taken over, with a list of its own.
        const [joined, left] = [this.#joined, this.#left]
        ;[this.#joined, this.#left] = [[], []]
        this.#version++
        const isFirst = !this.#hasReported && left.length === 0
        this.#hasReported = true
        const delta = { id: this.id, version: this.#version, joined, left, ...(isFirst ? { isFirst } : {}) }
        const published = this.#attendance.publish(this.id, delta)
        this.#reporting = undefined
        return published
      })
      .catch(() => {}) // The version says so when the engine is back.
  }
}
