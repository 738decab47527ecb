import { useEffect, useMemo, useState } from 'preact/hooks'
import { nameOf, type Row } from './conversation.ts'
import { Differences } from './differences-table.tsx'
import { Editor } from './editor.tsx'
import { clock, count, span as duration, hex } from './format.ts'
import { Hex } from './hex.tsx'
import { partnerOf } from './partner.ts'
import { sendCommand } from './send-command.ts'
import { pathTo, type Span } from './span.ts'
import type { Store } from './store.ts'
import { Tree } from './tree.tsx'

/** A text longer than that is shown whole below, where it can be read and copied: in so many lines of about so many letters. */
const SHOWN_TEXT = 60
const MOST_LINES = 8
const LINE = 80

/** One message: its fields beside its bytes. */
export function Detail({ store, number, row }: { store: Store; number: number; row: Row }) {
  const { conversation } = store
  const spans = useMemo(() => conversation?.spans(row) ?? [], [row, conversation])
  const [field, setField] = useState<Span | null>(null)
  const [hovered, setHovered] = useState<Span | null>(null)
  const [edits, setEdits] = useState(false)
  const partner = useMemo(() => partnerOf(store, number, row), [row, number, store.size])
  useEffect(() => {
    setField(null)
    setHovered(null)
    setEdits(false)
  }, [row])
  const compared = store.compared === null || store.compared === number ? undefined : store.row(store.compared)
  const path = field === null ? [] : trail(spans, field)
  const before = previous(store, number, row)
  const { connection, from, offset, bytes, at, kind, error, type } = row
  const copy = (text: string) => {
    void navigator.clipboard?.writeText(text)
  }
  return (
    <section class="detail" aria-label="Message">
      <div class="detail-head">
        <h2 class={from} title={nameOf(row)}>
          {nameOf(row)}
        </h2>
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
        {partner !== undefined && (
          <button type="button" class="plain" onClick={() => store.select(partner)}>
            {partner > number ? 'To the answer' : 'To the request'}
          </button>
        )}
        {kind === 'frame' && (
          <>
            <button
              type="button"
              class="plain"
              aria-pressed={store.compared === number}
              title="Choose another message, and what differs is shown"
              onClick={() => store.compare(store.compared === number ? null : number)}
            >
              Compare
            </button>
            {conversation?.sends && (
              <button type="button" class="plain" aria-expanded={edits} onClick={() => setEdits(!edits)}>
                Edit and send
              </button>
            )}
            {row.entry !== null && (
              <button
                type="button"
                class="plain"
                title="As a command to send it again"
                onClick={() => conversation && copy(sendCommand(conversation, row))}
              >
                Copy as qbp send
              </button>
            )}
            <button
              type="button"
              class="plain"
              onClick={() => copy(JSON.stringify(conversation?.json(row) ?? null, null, 2))}
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
      {edits && conversation !== null && <Editor key={`editor ${number}`} {...{ store, conversation, row }} />}
      {compared !== undefined && conversation !== null && (
        <Differences store={store} before={conversation.line(compared)} after={conversation.line(row)} />
      )}
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
      {typeof field?.value === 'string' && field.value.length > SHOWN_TEXT && (
        <textarea
          class="whole"
          readOnly
          rows={Math.min(MOST_LINES, Math.ceil(field.value.length / LINE))}
          spellcheck={false}
          aria-label={`${field.name}, whole`}
          value={field.value}
        />
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
