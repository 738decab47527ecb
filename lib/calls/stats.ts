import { type CallCode, codeName } from './call-error.ts'

/** What calls a connection had so far. A copy: it does not change. */
export interface CallStats {
  /** Of the peer, and of this side. */
  in: CallTraffic
  out: CallTraffic
  /** Calls of the peer that were not begun: unknown, too many, or too late. */
  refused: number
  /** Frames of calls that were over, or never were: dropped. */
  dropped: number
}

/** Calls of one side. */
export interface CallTraffic {
  /** All that were begun, and those that have not ended. */
  begun: number
  underWay: number
  /** How often which code ended one: OK, or one of the sixteen. */
  byCode: Partial<Record<CallCode | 'OK', number>>
}

type Codes = Map<CallCode | 'OK', number>

/** What stats() is made of: of one connection, or summed up for a server. */
export class CallCounts {
  in = 0
  out = 0
  refused = 0
  dropped = 0
  readonly #codes: { readonly in: Codes; readonly out: Codes } = { in: new Map(), out: new Map() }

  /** @param code on the wire, or by name. */
  ended(side: 'in' | 'out', code: CallCode | 'OK' | number): void {
    const name = typeof code === 'string' ? code : code === 0 ? 'OK' : codeName(code)
    this.#add(side, name, 1)
  }

  add(counts: CallCounts): void {
    this.in += counts.in
    this.out += counts.out
    this.refused += counts.refused
    this.dropped += counts.dropped
    for (const side of ['in', 'out'] as const)
      for (const [code, count] of counts.#codes[side]) this.#add(side, code, count)
  }

  stats(underWayIn: number, underWayOut: number): CallStats {
    const byCode = (codes: Codes) => Object.fromEntries(codes) as CallTraffic['byCode']
    return {
      in: { begun: this.in, underWay: underWayIn, byCode: byCode(this.#codes.in) },
      out: { begun: this.out, underWay: underWayOut, byCode: byCode(this.#codes.out) },
      refused: this.refused,
      dropped: this.dropped,
    }
  }

  #add(side: 'in' | 'out', code: CallCode | 'OK', count: number): void {
    const codes = this.#codes[side]
    codes.set(code, (codes.get(code) ?? 0) + count)
  }
}
