import type { Row } from './conversation.ts'
import type { Store } from './store.ts'

/** How far from a row its partner is looked for. */
const REACH = 20_000

/** The request of an answer, or a request's first answer, if it is there: by a call's number, or by the field that pairs them. */
export function partnerOf(store: Store, number: number, row: Row): number | undefined {
  const { connection, from, call, pair } = row
  if (call === undefined && pair === undefined) return undefined
  const isAnswer = (call ?? pair)?.ms !== undefined
  const step = isAnswer ? -1 : 1
  for (let at = number + step, left = REACH; left > 0; at += step, left--) {
    const other = store.row(at)
    if (other === undefined) return undefined
    if (other.connection !== connection || other.from === from) continue
    if (call !== undefined ? other.call?.id === call.id : other.pair?.key === pair?.key) return at
  }
  return undefined
}
