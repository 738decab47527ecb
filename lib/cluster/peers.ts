import { LivenessClock } from './liveness-clock.ts'

/** Another node with members, in one of its lives. */
interface Peer {
  readonly node: string
  ttlMs: number
  /** On the liveness clock. */
  heardAt: number
}

/** The other nodes of a bus that were heard of, by the name of their life. */
export class Peers {
  readonly #clock = new LivenessClock()
  readonly #peers = new Map<string, Peer>()

  start(): void {
    this.#clock.start()
  }

  get instances(): string[] {
    return [...this.#peers.keys()]
  }

  nodeOf(instance: string): string | undefined {
    return this.#peers.get(instance)?.node
  }

  /** Something was heard of one. @returns whether it is new. */
  hear(node: string, instance: string, ttlMs: number | undefined, longestMs: number): boolean {
    const heardAt = this.#clock.now
    const peer = this.#peers.get(instance)
    if (peer === undefined) {
      this.#peers.set(instance, { node, ttlMs: ttlMs ?? longestMs, heardAt })
      return true
    }
    peer.heardAt = heardAt
    peer.ttlMs = ttlMs ?? peer.ttlMs
    return false
  }

  delete(instance: string): void {
    this.#peers.delete(instance)
  }

  clear(): void {
    this.#peers.clear()
  }

  /** The engine has answered; since the last time no more than `mostMs` count. @returns those not heard of for so long that they are dead. */
  tick(mostMs: number): string[] {
    this.#clock.tick(mostMs)
    const { now } = this.#clock
    return [...this.#peers].flatMap(([instance, { heardAt, ttlMs }]) => (now - heardAt > ttlMs ? [instance] : []))
  }
}
