import { EventEmitter } from 'node:events'
import type { Protocol, Role } from '../../index.ts'
import type { Captured } from '../capture/captured.ts'
import { Direction } from './direction.ts'
import type { TapEvent } from './events.ts'

/** Events of a tap are handed out in pieces so large, between which others have their turn. */
const PIECE = 500

/** A capture, as the events of a tap that had stood there. */
export class Playback extends EventEmitter<{ event: [event: TapEvent] }> {
  readonly #protocol: Protocol
  readonly #maxBodyBytes: number
  readonly #directions = new Map<string, Direction>()
  #count = 0

  constructor(protocol: Protocol, maxBodyBytes: number) {
    super()
    this.#protocol = protocol
    this.#maxBodyBytes = maxBodyBytes
  }

  /** Resolves once all of it was emitted. @throws what reading the capture throws, after what came before. */
  async play(events: AsyncIterable<Captured>): Promise<void> {
    for await (const { at, connection, direction, kind, bytes, error, peer } of events) {
      const place = { connection, direction }
      if (kind === 'open') this.#emit({ at, ...place, kind: 'open', ...(peer !== undefined && { peer }) })
      else if (kind === 'close') this.#direction(connection, direction).close(at, error)
      else if (bytes !== undefined) this.#direction(connection, direction).bytes(at, bytes)
      if (++this.#count % PIECE === 0) await new Promise(setImmediate)
    }
  }

  #direction(connection: number, direction: Role): Direction {
    const key = `${connection} ${direction}`
    const known = this.#directions.get(key)
    if (known !== undefined) return known
    const made = new Direction(this.#protocol, { connection, direction }, this.#maxBodyBytes, (event) =>
      this.#emit(event),
    )
    this.#directions.set(key, made)
    return made
  }

  #emit(event: TapEvent): void {
    this.emit('event', event)
  }
}
