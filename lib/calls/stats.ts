import type { CallCode } from './call-error.ts'

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
  readonly codes: { readonly in: Codes; readonly out: Codes } = { in: new Map(), out: new Map() }

  /** So many calls of a side have ended with a code. */
  ended(side: 'in' | 'out', code: CallCode | 'OK', count = 1): void {
    const codes = this.codes[side]
    codes.set(code, (codes.get(code) ?? 0) + count)
  }
}

// What follows are functions, and no methods: a page that asks for no stats() has none of them.

/** Adds to a sum. */
export function addCallCounts(sum: CallCounts, counts: CallCounts): void {
  sum.in += counts.in
  sum.out += counts.out
  sum.refused += counts.refused
  sum.dropped += counts.dropped
  for (const side of ['in', 'out'] as const)
    for (const [code, count] of counts.codes[side]) sum.ended(side, code, count)
}

export function callStats(counts: CallCounts, underWay: { readonly in: number; readonly out: number }): CallStats {
  const byCode = (codes: Codes) => Object.fromEntries(codes) as CallTraffic['byCode']
  return {
    in: { begun: counts.in, underWay: underWay.in, byCode: byCode(counts.codes.in) },
    out: { begun: counts.out, underWay: underWay.out, byCode: byCode(counts.codes.out) },
    refused: counts.refused,
    dropped: counts.dropped,
  }
}
