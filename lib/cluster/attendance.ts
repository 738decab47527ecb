import { createHash, randomUUID } from 'node:crypto'
import type { Bus, Change, Subscription, Watch } from '../bus/contract.ts'
import { Lease, type LeaseUser, parseLease, RENEWALS } from './lease.ts'
import { Peers } from './peers.ts'
import { type Ask, type Delta, decodeNote, encodeNote, type List, type Note } from './presence-note.ts'
import { Questions } from './questions.ts'
import type { Roster, RosterShare } from './roster.ts'

// Who is where, on all nodes of a bus. Each node keeps one lease in the store, whatever the number of its groups, and publishes who joins
// and leaves a group on a channel of that group's. Nobody receives that unless members of the group were asked for here: then this node
// subscribes to the channel and asks every other node for its list. Each change has a number, by which a lost one is noticed.

/** Begins the names of the channels, and the frames that nodes send one another. */
const PREFIX = '\0qbp:presence\0'
/** About how many bytes one answer has. */
const ANSWER_BYTES = 65_536

const attendances = new WeakMap<Bus, Attendance>()

/** The presence of one bus's groups. */
export class Attendance implements RosterShare, LeaseUser {
  readonly bus: Bus
  readonly instance = randomUUID()
  readonly #rosters = new Map<string, Roster>()
  readonly #peers = new Peers()
  readonly #questions: Questions
  /** Groups that have been closed here since the last renewal: what was published of them last may have got lost. */
  readonly #closed = new Map<string, number>()
  #versions = 0
  #ttlMs = Number.POSITIVE_INFINITY
  #watch: Promise<Watch> | undefined
  readonly #lease: Lease

  private constructor(bus: Bus) {
    this.bus = bus
    this.#lease = new Lease(bus, ['presence', bus.node, this.instance], this)
    this.#questions = new Questions({
      known: (id, instance) => this.#rosters.get(id)?.versionOf(instance) ?? -1,
      send: async (to, ask) => {
        const node = this.#peers.nodeOf(to)
        if (node === undefined) throw new Error('it is gone')
        await this.bus.send(node, encodeNote(PREFIX, { ask, node: this.bus.node, instance: this.instance, to }))
      },
    })
  }

  static of(bus: Bus): Attendance {
    let attendance = attendances.get(bus)
    if (attendance === undefined) {
      attendance = new Attendance(bus)
      attendances.set(bus, attendance)
    }
    return attendance
  }

  /** Names a group to the other nodes. */
  static idOf(group: readonly string[]): string {
    return createHash('sha256').update(JSON.stringify(group)).digest('base64url').slice(0, 22)
  }

  /** Greater than any that a roster of the group has had. */
  nextVersion(id: string): number {
    this.#versions = Math.max(this.#versions, this.#rosters.get(id)?.version ?? 0, Date.now() - 1) + 1
    return this.#versions
  }

  /** Whether it is the one that speaks for its group. */
  isCurrent(roster: Roster): boolean {
    return this.#rosters.get(roster.id) === roster
  }

  enter(roster: Roster, ttlMs: number): void {
    if (this.#rosters.size === 0) this.bus.on('up', this.#onUp).on('frame', this.#onFrame)
    const isAnother = this.#rosters.has(roster.id)
    this.#rosters.set(roster.id, roster)
    this.#ttlMs = Math.min(this.#ttlMs, ttlMs)
    if (isAnother) roster.takeOver()
  }

  /** Resolves once the others can know. */
  async exit(roster: Roster): Promise<void> {
    if (this.isCurrent(roster)) {
      this.#closed.set(roster.id, this.nextVersion(roster.id))
      this.#rosters.delete(roster.id)
    }
    if (this.#rosters.size > 0) return
    this.bus.off('up', this.#onUp).off('frame', this.#onFrame)
    this.#watch?.then(
      (watch) => watch.close(),
      () => {},
    )
    this.#watch = undefined
    this.#peers.clear()
    this.#ttlMs = Number.POSITIVE_INFINITY
    await this.#lease.release()
  }

  /** This node has members now: it takes a lease. */
  attend(): void {
    this.#lease.hold()
  }

  /** The shortest that one of its groups asks for. */
  get ttlMs(): number {
    return this.#ttlMs
  }

  /** Publishes a change to whoever wants to know of it. */
  async publish(id: string, delta: Delta): Promise<void> {
    const note = { ...delta, node: this.bus.node, instance: this.instance }
    await this.bus.publish(PREFIX + id, encodeNote('', note))
  }

  /** Hears of a group's changes. */
  async subscribe(id: string): Promise<Subscription> {
    return this.bus.subscribe(PREFIX + id, (frame) => {
      const note = decodeNote('', frame)
      if (note !== undefined) this.#hear(note)
    })
  }

  /** Asks all other nodes for their members of a group. Resolves once they have answered, as far as they do; at once where it was closed. */
  async ask(id: string): Promise<void> {
    if (!this.#rosters.has(id)) return
    await this.#observe()
    await this.#questions.ask(id, this.#peers.instances)
  }

  /** Asks one node anew: a change of its was lost. */
  askPeer(id: string, instance: string): void {
    void this.#questions.ask(id, [instance])
  }

  /** Has another node write to a member of a group, or cut it off. */
  async act(id: string, node: string, name: string, frame: Uint8Array | null): Promise<void> {
    const act = { name, frame: frame === null ? null : Buffer.from(frame).toString('base64') }
    await this.bus.send(node, encodeNote(PREFIX, { id, act, node: this.bus.node, instance: this.instance }))
  }

  async #observe(): Promise<void> {
    if (this.#watch === undefined) {
      const watch = this.bus.store.watch(['presence'], (change) => this.#see(change))
      this.#watch = watch
      watch.catch(() => {
        if (this.#watch === watch) this.#watch = undefined
      })
      this.#peers.start()
      this.#lease.watch()
    }
    await this.#watch
  }

  #see({ key, value }: Change): void {
    const [, node, instance, more] = key
    if (
      value === null ||
      more !== undefined ||
      node === undefined ||
      instance === undefined ||
      instance === this.instance
    )
      return
    const { ttlMs, gone } = parseLease(value)
    if (gone) this.#forget(instance)
    else this.#meet(node, instance, ttlMs)
  }

  #meet(node: string, instance: string, ttlMs: number | undefined): void {
    if (!this.#peers.hear(node, instance, ttlMs, this.#ttlMs)) return
    for (const { id, isWatched } of this.#rosters.values()) if (isWatched) void this.#questions.ask(id, [instance])
  }

  #forget(instance: string): void {
    this.#peers.delete(instance)
    for (const roster of this.#rosters.values()) roster.forget(instance)
  }

  /** The lease has shown that the engine is there: forgets whom it has not heard of for so long. */
  answered(): void {
    for (const roster of this.#rosters.values()) roster.confirm()
    for (const [id, version] of this.#closed) this.publish(id, { id, version, joined: [], left: [] }).catch(() => {})
    this.#closed.clear()
    for (const instance of this.#peers.tick(this.#ttlMs / RENEWALS)) this.#forget(instance)
  }

  readonly #onFrame = (frame: Uint8Array): void => {
    const note = decodeNote(PREFIX, frame)
    if (note !== undefined) this.#hear(note)
  }

  #hear(note: Note): void {
    if (note.instance === this.instance || (note.to !== undefined && note.to !== this.instance)) return
    if (this.#watch !== undefined) this.#meet(note.node, note.instance, undefined)
    if (note.ask !== undefined) void this.#answer(note.node, note.instance, note.ask)
    if (note.id !== undefined && note.version !== undefined) {
      const delta: Delta = {
        id: note.id,
        version: note.version,
        joined: note.joined ?? [],
        left: note.left ?? [],
        isFirst: note.isFirst ?? false,
      }
      this.#rosters.get(note.id)?.hear(note.node, note.instance, delta)
    }
    if (note.act !== undefined && note.id !== undefined) {
      const { name, frame } = note.act
      this.#rosters.get(note.id)?.act(name, frame === null ? null : Buffer.from(frame, 'base64'))
    }
    for (const list of note.lists ?? []) {
      this.#rosters.get(list.id)?.take(note.node, note.instance, list)
      if (list.isLast) this.#questions.answered(note.instance, list.id)
    }
  }

  async #answer(node: string, instance: string, asked: Ask['ask']): Promise<void> {
    let lists: List[] = []
    let bytes = 0
    const flush = async () => {
      const note = { lists, node: this.bus.node, instance: this.instance, to: instance }
      ;[lists, bytes] = [[], 0]
      await this.bus.send(node, encodeNote(PREFIX, note)).catch(() => {}) // It asks again, or has gone.
    }
    for (const [id, version] of asked) {
      for (const list of this.#rosters.get(id)?.lists(version, ANSWER_BYTES) ?? [this.#emptyList(id)]) {
        lists.push(list)
        bytes += list.names.reduce((sum, name) => sum + name.length + 3, 60)
        if (bytes >= ANSWER_BYTES) await flush()
      }
    }
    if (lists.length > 0) await flush()
  }

  #emptyList(id: string): List {
    return { id, version: this.nextVersion(id), names: [], at: 0, isLast: true }
  }

  /** Both sides of a connection that was away may have missed something. */
  readonly #onUp = (): void => {
    void this.#lease.renew()
    for (const roster of this.#rosters.values()) {
      roster.announceVersion()
      if (roster.isWatched) void this.#questions.ask(roster.id, this.#peers.instances)
    }
  }
}
