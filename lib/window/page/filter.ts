import type { Role } from '../../base/role.ts'
import { type Conversation, nameOf, type Row } from './conversation.ts'
import { line } from './format.ts'

/** What is shown: rows that pass all that is set. */
export interface Filter {
  /** In the row's name, its fault or its message, whatever the case; `0x…` is looked for in the bytes. */
  readonly text: string
  /** Empty for all. */
  readonly names: ReadonlySet<string>
  readonly connections: ReadonlySet<number>
  readonly from: Role | null
}

export const NO_FILTER: Filter = { text: '', names: new Set(), connections: new Set(), from: null }

/** Where a tab keeps its filter: of this window's address alone, whose token is in the path. */
const FILTER_KEY = `qbp filter ${globalThis.location?.pathname}`

/** The filter as it was before the page was loaded again. */
export function keptFilter(): Filter {
  try {
    const { text, names, connections, from } = JSON.parse(sessionStorage.getItem(FILTER_KEY) ?? '{}')
    return {
      text: typeof text === 'string' ? text : '',
      names: new Set(names),
      connections: new Set(connections),
      from: from === 'client' || from === 'server' ? from : null,
    }
  } catch {
    return NO_FILTER
  }
}

/** Keeps the filter for when the page is loaded again. */
export function keepFilter({ text, names, connections, from }: Filter): void {
  try {
    sessionStorage.setItem(FILTER_KEY, JSON.stringify({ text, names: [...names], connections: [...connections], from }))
  } catch {} // Where storage is forbidden the filter lives as long as the page.
}

/** Whether a row passes the filter. */
export function passes(
  row: Row,
  { text, names, connections, from }: Filter,
  conversation: Conversation | null,
): boolean {
  if (from !== null && row.from !== from) return false
  if (connections.size > 0 && !connections.has(row.connection)) return false
  if (names.size > 0 && !(row.kind === 'frame' && names.has(nameOf(row)))) return false
  return text === '' || holds(row, text, conversation)
}

function holds(row: Row, text: string, conversation: Conversation | null): boolean {
  const digits = /^0x((?:[0-9a-f]{2})+)$/i.exec(text.replaceAll(' ', ''))?.[1]
  if (digits !== undefined) return includes(row.bytes, digits)
  const wanted = text.toLowerCase()
  const has = (part: string) => part.toLowerCase().includes(wanted)
  if (has(nameOf(row)) || has(row.error) || has(row.peer)) return true
  const message = conversation?.json(row)
  return message !== null && message !== undefined && has(line(message, Number.POSITIVE_INFINITY))
}

function includes(bytes: Uint8Array, digits: string): boolean {
  const wanted = digits.match(/../g)?.map((pair) => Number.parseInt(pair, 16)) ?? []
  for (let i = bytes.indexOf(wanted[0] ?? 0); i >= 0; i = bytes.indexOf(wanted[0] ?? 0, i + 1)) {
    if (wanted.every((byte, j) => bytes[i + j] === byte)) return true
  }
  return false
}
