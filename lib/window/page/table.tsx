import type { RefObject } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type { Pair } from '../field-pairs.ts'
import { nameOf, type Row } from './conversation.ts'
import { bytes, clock, count, line, span } from './format.ts'
import type { Store } from './store.ts'
import { Virtual } from './virtual.tsx'

const ROW_HEIGHT = 26

/** Moves the choice by rows of the view; the first press chooses where one looks. */
export type Move = (by: number) => void

/** The conversation, a line for each thing that passed. */
export function Table({ store, move }: { store: Store; move: RefObject<Move | null> }) {
  const { view, selected } = store
  const scroller = useRef<((position: number) => void) | null>(null)
  const chosen = selected === null ? -1 : view.indexOf(selected)

  move.current = (by) => {
    const { view, selected } = store
    if (view.length === 0) return
    const chosen = selected === null ? -1 : view.indexOf(selected)
    const from = chosen >= 0 ? chosen : by > 0 && Math.abs(by) === 1 ? -1 : view.length
    const position = Math.min(view.length - 1, Math.max(0, from + by))
    store.setFollow(false)
    store.select(view[position] ?? null)
    scroller.current?.(position)
  }

  // The detail's coming takes room away from the table: the chosen row stays in sight.
  useEffect(() => {
    if (chosen >= 0 && !store.follow) requestAnimationFrame(() => scroller.current?.(chosen))
  }, [selected === null])

  const select = (number: number) => {
    store.setFollow(false)
    store.select(number)
  }

  return (
    <section class="table" aria-label="Conversation">
      <div class="line head" aria-hidden="true">
        <span class="time">Time</span>
        <span class="connection">Conn</span>
        <span class="direction" />
        <span>Name</span>
        <span class="size">Size</span>
        <span>Message</span>
      </div>
      {view.length === 0 ? (
        <Empty store={store} />
      ) : (
        <Virtual
          count={view.length}
          rowHeight={ROW_HEIGHT}
          scroller={scroller}
          follow={store.follow && !store.paused}
          onFollow={(follow) => store.setFollow(follow)}
          gone={store.gone}
          attributes={{
            role: 'grid',
            tabIndex: 0,
            'aria-label': 'Messages',
            'aria-rowcount': view.length,
            'aria-activedescendant': selected === null ? undefined : `row-${selected}`,
          }}
          row={(position) => {
            const number = view[position] ?? 0
            const row = store.row(number)
            return row && <Line key={number} {...{ store, row, number, select, chosen: number === selected }} />
          }}
        />
      )}
    </section>
  )
}

interface LineProps {
  readonly store: Store
  readonly row: Row
  readonly number: number
  readonly chosen: boolean
  readonly select: (number: number) => void
}

function Line({ store, row, number, chosen, select }: LineProps) {
  const { at, connection, from, kind, bytes: frame, error } = row
  const quiet = kind === 'open' || kind === 'close'
  const classes = ['line', from, kind, chosen && 'chosen', error !== '' && 'wrong', quiet && 'quiet']
  return (
    <div
      class={classes.filter(Boolean).join(' ')}
      role="row"
      id={`row-${number}`}
      aria-selected={chosen}
      tabIndex={-1}
      onClick={() => select(number)}
    >
      <span class="time" role="gridcell">
        {clock(at)}
      </span>
      <span class="connection" role="gridcell">
        {connection}
      </span>
      <span class="direction" role="gridcell" title={from === 'client' ? 'from the client' : 'from the server'}>
        {from === 'client' ? '→' : '←'}
      </span>
      <span class="name" role="gridcell" title={nameOf(row)}>
        {nameOf(row)}
      </span>
      <span class="size" role="gridcell">
        {kind === 'frame' || frame.length > 0 ? count(frame.length) : ''}
      </span>
      <span class="summary" role="gridcell">
        {summary(store, row)}
      </span>
    </div>
  )
}

function summary({ conversation }: Store, row: Row): string {
  const { error, kind, from, peer, bytes: frame, bodyStart } = row
  if (error !== '') return error
  if (kind !== 'frame') return kind === 'open' && from === 'client' ? peer : ''
  const { call } = row
  if (call !== undefined) {
    const { id, message = conversation?.json(row), status = '', ms } = call
    const end = [status, ms === undefined ? '' : span(ms)].filter(Boolean).join(' ')
    return `${end === '' ? '' : `${end} · `}call ${id} · ${line(message).replace(/^\{|\}$/g, '')}`
  }
  const { pair, sentHere } = row
  const notes = [sentHere ? 'sent from here' : '', pair === undefined ? '' : pairText(pair)].filter(Boolean)
  const before = notes.length === 0 ? '' : `${notes.join(' · ')} · `
  const message = conversation?.json(row)
  if (message !== null && message !== undefined) return before + line(message).replace(/^\{|\}$/g, '')
  return before + (frame.length > bodyStart ? `${bytes(frame.length - bodyStart)}, not decoded` : '')
}

/** `asks 7`, `answers 7 in 1.2 ms`. */
const pairText = ({ key, ms }: Pair): string => (ms === undefined ? `asks ${key}` : `answers ${key} in ${span(ms)}`)

/** What stands where no row does: why, and what to do. */
function Empty({ store }: { store: Store }) {
  if (store.state === 'connecting') return <div class="empty">Connecting to the tap…</div>
  if (store.size > 0) {
    return (
      <div class="empty">
        <strong>{store.searching ? 'Searching…' : 'Nothing passes the filter'}</strong>
        <p>{count(store.size)} rows are here. Press Esc to show them all.</p>
      </div>
    )
  }
  if (store.conversation?.isRecorded) return <div class="empty">Nothing is in {store.conversation.title}.</div>
  const [listens] = store.conversation?.title.split(' → ') ?? []
  return (
    <div class="empty">
      <svg width="72" height="40" viewBox="0 0 72 40" aria-hidden="true">
        <path class="client" d="M4 12h56m-8-7 8 7-8 7" />
        <path class="server" d="M68 28H12m8-7-8 7 8 7" />
      </svg>
      <strong>Waiting for the first message</strong>
      <p>
        Point your client at <code>{listens || 'the tap'}</code>. Whatever passes shows up here.
      </p>
    </div>
  )
}
