import type { RefObject } from 'preact'
import type { Role } from '../../base/role.ts'
import { exportBytes, exportLines } from './export.ts'
import { NO_FILTER } from './filter.ts'
import { count, bytes as inBytes, rate } from './format.ts'
import { filtered } from './sidebar.tsx'
import type { Store } from './store.ts'

const WIDTH = 120
const HEIGHT = 24

/** What is tapped, and how much passes. */
export function Header({ store }: { store: Store }) {
  const { conversation, state, history } = store
  const all = [...store.connections.values()]
  const frames = all.reduce((sum, { total }) => sum + total.frames, 0)
  const bytes = all.reduce((sum, { total }) => sum + total.bytes, 0)
  const most = Math.max(1, ...history)
  const points = history.map((value, i) => {
    const x = WIDTH - history.length + i
    return `${x},${(HEIGHT - 1 - (value / most) * (HEIGHT - 3)).toFixed(1)}`
  })
  const recorded = conversation?.isRecorded === true
  const words = {
    connecting: 'connecting',
    live: recorded ? 'recorded' : 'live',
    lost: `the ${recorded ? 'view' : 'tap'} is gone`,
  }
  const label = store.paused ? 'paused' : words[state]
  return (
    <header>
      <h1>
        qbp <b>{recorded ? 'view' : 'tap'}</b>
      </h1>
      <span class={`state ${store.paused ? 'paused' : state}`} role="status">
        <i class="dot" />
        {label}
      </span>
      <span class="title">{conversation?.title}</span>
      <code class="layout" title="The layout of the header">
        {conversation?.protocol.header.text}
      </code>
      <span class="grow" />
      {store.dropped > 0 && (
        <span class="dropped" title="The newest are kept; the sums count all">
          {count(store.dropped)} older rows dropped
        </span>
      )}
      <svg class="traffic" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT} role="img">
        <title>Frames a second, over the last minute; at most {rate(most)}</title>
        {points.length > 1 && (
          <>
            <polygon points={`${WIDTH - points.length},${HEIGHT} ${points.join(' ')} ${WIDTH - 1},${HEIGHT}`} />
            <polyline points={points.join(' ')} />
          </>
        )}
      </svg>
      <span class="totals">
        <b>{rate(history.at(-1) ?? 0)}</b>/s · <b>{count(frames)}</b> frames · <b>{inBytes(bytes)}</b>
      </span>
    </header>
  )
}

const sides: readonly [Role | null, string, string][] = [
  [null, 'Both', 'Both directions'],
  ['client', '→', 'From the client'],
  ['server', '←', 'From the server'],
]

/** The filter, and what can be done with the view. */
export function Toolbar({ store, search }: { store: Store; search: RefObject<HTMLInputElement | null> }) {
  const { filter, view, size } = store
  const chips = [
    ...[...filter.connections].map((id) => ({
      text: `connection ${id}`,
      remove: () => store.setFilter({ connections: new Set([...filter.connections].filter((each) => each !== id)) }),
    })),
    ...[...filter.names].map((name) => ({
      text: name,
      remove: () => store.setFilter({ names: new Set([...filter.names].filter((each) => each !== name)) }),
    })),
  ]
  return (
    <div class="toolbar" role="search" aria-label="What is shown">
      <input
        ref={search}
        type="search"
        aria-label="Filter by text"
        placeholder="Filter: text in a message, or 0x bytes"
        spellcheck={false}
        value={filter.text}
        onInput={(event) => store.setFilter({ text: event.currentTarget.value })}
      />
      <span class="segments" role="group" aria-label="Direction">
        {sides.map(([from, text, title]) => (
          <button
            key={text}
            type="button"
            class={from ?? ''}
            title={title}
            aria-pressed={filter.from === from}
            onClick={() => store.setFilter({ from })}
          >
            {text}
          </button>
        ))}
      </span>
      {chips.map(({ text, remove }) => (
        <button key={text} type="button" class="chip" title="Show the others again" onClick={remove}>
          {text} <span aria-hidden="true">×</span>
        </button>
      ))}
      {filtered(store) && (
        <button type="button" class="plain" onClick={() => store.setFilter(NO_FILTER)}>
          Show all
        </button>
      )}
      <span class="shown">
        {store.searching ? 'searching… ' : ''}
        {view.length === size ? count(size) : `${count(view.length)} of ${count(size)}`} rows
      </span>
      <span class="grow" />
      <button type="button" class="pause" aria-pressed={store.paused} onClick={() => store.pause(!store.paused)}>
        {store.paused ? `Resume${store.waiting > 0 ? ` · ${count(store.waiting)} new` : ''}` : 'Pause'} <kbd>Space</kbd>
      </button>
      <button
        type="button"
        aria-pressed={store.follow}
        title="Keep the newest in sight"
        onClick={() => {
          store.select(null)
          store.setFollow(!store.follow)
        }}
      >
        Follow <kbd>F</kbd>
      </button>
      <button type="button" title="Forget the rows that are here" onClick={() => store.clear()}>
        Clear
      </button>
      <span class="divider" />
      <button
        type="button"
        title="The frames shown, a line of JSON each, as qbp decode prints them"
        disabled={view.length === 0}
        onClick={() => exportLines(store)}
      >
        ⤓ JSON lines
      </button>
      <button
        type="button"
        title="The bytes of the frames shown; a file for each direction where both are"
        disabled={view.length === 0}
        onClick={() => exportBytes(store)}
      >
        ⤓ Bytes
      </button>
    </div>
  )
}
