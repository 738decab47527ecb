import { render } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { Detail } from './detail.tsx'
import { NO_FILTER } from './filter.ts'
import { Link } from './link.ts'
import { Sidebar } from './sidebar.tsx'
import { Store } from './store.ts'
import { type Move, Table } from './table.tsx'
import { Header, Toolbar } from './toolbar.tsx'

const PAGE_ROWS = 20
const TICK_MS = 500

let pending = false
const store = new Store(() => {
  if (pending) return
  pending = true
  requestAnimationFrame(() => {
    pending = false
    draw()
  })
})

function App() {
  const move = useRef<Move | null>(null)
  const search = useRef<HTMLInputElement>(null)
  const [share, setShare] = useState(45)
  const { selected } = store
  const row = selected === null ? undefined : store.row(selected)

  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement
      const typing =
        target instanceof HTMLInputElement ||
        target instanceof HTMLTextAreaElement ||
        target instanceof HTMLSelectElement
      if (event.key === 'Escape') {
        if (typing) {
          if (target === search.current) store.setFilter({ text: '' })
          target.blur()
        } else if (store.selected !== null) store.select(null)
        else store.setFilter(NO_FILTER)
        return
      }
      if (typing) {
        if (target === search.current && (event.key === 'Enter' || event.key === 'ArrowDown')) target.blur()
        return
      }
      if (event.ctrlKey || event.metaKey || event.altKey) return
      const action = keys[event.key]
      if (action === undefined || (event.key === ' ' && target instanceof HTMLButtonElement)) return
      event.preventDefault()
      action()
    }
    const keys: Record<string, () => void> = {
      ' ': () => store.pause(!store.paused),
      '/': () => search.current?.focus(),
      f: () => {
        store.select(null)
        store.setFollow(true)
      },
      j: () => move.current?.(1),
      k: () => move.current?.(-1),
      ArrowDown: () => move.current?.(1),
      ArrowUp: () => move.current?.(-1),
      PageDown: () => move.current?.(PAGE_ROWS),
      PageUp: () => move.current?.(-PAGE_ROWS),
      Home: () => move.current?.(Number.NEGATIVE_INFINITY),
      End: () => move.current?.(Number.POSITIVE_INFINITY),
    }
    document.addEventListener('keydown', onKeyDown)
    return () => document.removeEventListener('keydown', onKeyDown)
  }, [])

  const drag = (event: PointerEvent) => {
    const handle = event.currentTarget as HTMLElement
    handle.setPointerCapture(event.pointerId)
    const { top, height } = (handle.parentElement as HTMLElement).getBoundingClientRect()
    handle.onpointermove = ({ clientY }) => setShare(clamp(100 - ((clientY - top) / height) * 100))
    handle.onpointerup = () => {
      handle.onpointermove = null
    }
  }
  const onHandleKey = (event: KeyboardEvent) => {
    const step = { ArrowUp: 4, ArrowDown: -4 }[event.key]
    if (step === undefined) return
    event.preventDefault()
    event.stopPropagation()
    setShare((was) => clamp(was + step))
  }

  return (
    <>
      <Header store={store} />
      <Toolbar store={store} search={search} />
      <main>
        <Sidebar store={store} />
        <div class="work">
          <Table store={store} move={move} />
          {row !== undefined && selected !== null && (
            <>
              <div
                class="handle"
                role="separator"
                aria-label="Height of the message"
                aria-orientation="horizontal"
                aria-valuenow={Math.round(share)}
                tabIndex={0}
                onPointerDown={drag}
                onKeyDown={onHandleKey}
              />
              <div class="lower" style={{ flexBasis: `${share}%` }}>
                <Detail store={store} number={selected} row={row} />
              </div>
            </>
          )}
        </div>
      </main>
      <footer>
        <span>
          <kbd>↑</kbd> <kbd>↓</kbd> choose
        </span>
        <span>
          <kbd>/</kbd> filter
        </span>
        <span>
          <kbd>Space</kbd> pause
        </span>
        <span>
          <kbd>F</kbd> follow
        </span>
        <span>
          <kbd>Esc</kbd> back
        </span>
        <span>
          <kbd>Ctrl</kbd>-click adds to a filter
        </span>
      </footer>
    </>
  )
}

const clamp = (share: number): number => Math.max(15, Math.min(80, share))

const draw = () => render(<App />, document.body)

setInterval(() => store.tick(), TICK_MS)
const url = new URL('frames', location.href)
url.protocol = 'ws:'
const link = new Link(
  url.href,
  (message) => store.hear(message),
  (state) => store.setState(state),
)
store.say = (message) => link.say(message)
draw()
