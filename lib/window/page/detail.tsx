import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { nameOf, type Row } from './conversation.ts'
import { clock, count, span as duration, hex } from './format.ts'
import { Hex } from './hex.tsx'
import { pathTo, type Span } from './spans.ts'
import type { Store } from './store.ts'
import { Tree } from './tree.tsx'

/** One message: its fields beside its bytes. */
export function Detail({ store, number, row }: { store: Store; number: number; row: Row }) {
  const spans = useMemo(() => store.conversation?.spans(row) ?? [], [row, store.conversation])
  const [field, setField] = useState<Span | null>(null)
  const [hovered, setHovered] = useState<Span | null>(null)
  useEffect(() => {
    setField(null)
    setHovered(null)
  }, [row])
  const path = field === null ? [] : trail(spans, field)
  const before = previous(store, number, row)
  const { connection, from, offset, bytes, at, kind, error, type } = row
  const copied = useRef<HTMLButtonElement>(null)
  const copy = (text: string) => {
    void navigator.clipboard?.writeText(text)
  }
  return (
    <section class="detail" aria-label="Message">
      <div class="detail-head">
        <h2 class={from}>{nameOf(row)}</h2>
        <span class="facts">
          {kind === 'frame' && row.entry !== null && <span>type {type}</span>}
          <span>connection {connection}</span>
          <span class={from}>{from === 'client' ? 'client → server' : 'server → client'}</span>
          {bytes.length > 0 && (
            <span>
              {count(bytes.length)} bytes at {count(offset)}
            </span>
          )}
          <span>{clock(at)}</span>
          {before !== undefined && <span>{duration(at - before.at)} after the one before</span>}
        </span>
        <span class="grow" />
        {kind === 'frame' && (
          <>
            <button
              ref={copied}
              type="button"
              class="plain"
              onClick={() => copy(JSON.stringify(store.conversation?.json(row) ?? null, null, 2))}
            >
              Copy JSON
            </button>
            <button
              type="button"
              class="plain"
              onClick={() => copy(Array.from(bytes, (byte) => hex(byte, 2)).join(''))}
            >
              Copy hex
            </button>
          </>
        )}
        <button type="button" class="plain" aria-label="Close" title="Close (Esc)" onClick={() => store.select(null)}>
          ×
        </button>
      </div>
      {error !== '' && <p class="fault">{error}</p>}
      {spans.length === 0 ? (
        <p class="none">
          {kind === 'open'
            ? `The ${from === 'client' ? 'client connected' : 'server was reached'}${row.peer === '' ? '' : `: ${row.peer}`}.`
            : kind === 'close'
              ? `The ${from} ended its side.`
              : ''}
        </p>
      ) : (
        <div class="panes">
          <Tree key={number} spans={spans} field={field} path={path} onField={setField} onHover={setHovered} />
          <Hex
            bytes={bytes}
            headerEnd={row.bodyStart}
            field={field}
            hovered={hovered}
            onByte={(position) => setField(position === null ? null : (pathTo(spans, position).at(-1) ?? null))}
            onHover={(position) => setHovered(position === null ? null : (pathTo(spans, position).at(-1) ?? null))}
          />
        </div>
      )}
    </section>
  )
}

/** The spans around one, from the outside in, with itself. */
function trail(spans: readonly Span[], wanted: Span): Span[] {
  for (const span of spans) {
    if (span === wanted) return [span]
    if (wanted.start < span.start || wanted.end > span.end) continue
    const inner = trail(span.children, wanted)
    if (inner.length > 0) return [span, ...inner]
  }
  return []
}

/** What passed on the same connection before it, if it is near. */
function previous(store: Store, number: number, row: Row): Row | undefined {
  for (let before = number - 1; before > number - 1000; before--) {
    const other = store.row(before)
    if (other === undefined) return undefined
    if (other.connection === row.connection) return other
  }
  return undefined
}
