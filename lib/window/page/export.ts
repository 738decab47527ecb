import type { Role } from '../../base/role.ts'
import type { Row } from './conversation.ts'
import type { Store } from './store.ts'

/** The frames that the view shows, in order. */
const frames = (store: Store): Row[] =>
  store.view.flatMap((number) => {
    const row = store.row(number)
    return row?.kind === 'frame' ? [row] : []
  })

/** Hands over what the view shows as lines of JSON. */
export function exportLines(store: Store): void {
  const { conversation } = store
  if (conversation === null) return
  const lines = frames(store).map((row) => `${JSON.stringify(conversation.line(row))}\n`)
  save(lines, 'application/jsonl', 'jsonl')
}

/** Hands over the frames that the view shows as they were on the wire: what `qbp decode` reads. */
export function exportBytes(store: Store): void {
  const rows = frames(store)
  const roles = [...new Set(rows.map(({ from }) => from))].sort()
  for (const role of roles) {
    const parts = rows.filter(({ from }) => from === role).map(({ bytes }) => bytes as Uint8Array<ArrayBuffer>)
    save(parts, 'application/octet-stream', 'bin', roles.length > 1 ? role : undefined)
  }
}

function save(parts: BlobPart[], type: string, end: string, role?: Role): void {
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '-')
  const url = URL.createObjectURL(new Blob(parts, { type }))
  const link = document.createElement('a')
  link.href = url
  link.download = `qbp-tap-${stamp}${role === undefined ? '' : `-${role}`}.${end}`
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
