import { useEffect, useRef, useState } from 'preact/hooks'
import { count, hex } from './format.ts'
import type { Span } from './span.ts'
import { Virtual } from './virtual.tsx'

const ROW_HEIGHT = 22
/** A part with more children than that begins closed. */
const MOST_OPEN = 100

interface TreeProps {
  readonly spans: readonly Span[]
  readonly field: Span | null
  /** The chosen field, and those around it. */
  readonly path: readonly Span[]
  readonly onField: (field: Span | null) => void
  readonly onHover: (field: Span | null) => void
}

interface Node {
  readonly span: Span
  readonly depth: number
  readonly open: boolean
}

/** The fields of a frame. Arrow keys go through them, open them and close them. */
export function Tree({ spans, field, path, onField, onHover }: TreeProps) {
  const scroller = useRef<((position: number) => void) | null>(null)
  const [toggled, setToggled] = useState<ReadonlySet<Span>>(new Set())
  const around = new Set(path.slice(0, -1))
  const isOpen = (span: Span) =>
    around.has(span) || toggled.has(span) !== (span.name !== 'header' && span.children.length <= MOST_OPEN)
  const nodes: Node[] = []
  const add = (list: readonly Span[], depth: number) => {
    for (const span of list) {
      const open = span.children.length > 0 && isOpen(span)
      nodes.push({ span, depth, open })
      if (open) add(span.children, depth + 1)
    }
  }
  add(spans, 0)
  const chosen = nodes.findIndex(({ span }) => span === field)

  useEffect(() => {
    if (chosen >= 0) scroller.current?.(chosen)
  }, [field])

  const toggle = (span: Span) => {
    // What was open only because the choice is in it is closed with the choice outside.
    if (around.has(span)) onField(span)
    const wanted = !isOpen(span)
    const initially = span.name !== 'header' && span.children.length <= MOST_OPEN
    const next = new Set(toggled)
    if (wanted === initially) next.delete(span)
    else next.add(span)
    setToggled(next)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const node = nodes[chosen]
    const goTo = (position: number) => onField(nodes[Math.max(0, Math.min(nodes.length - 1, position))]?.span ?? null)
    if (event.key === 'ArrowDown') goTo(chosen + 1)
    else if (event.key === 'ArrowUp') goTo(chosen - 1)
    else if (event.key === 'Home') goTo(0)
    else if (event.key === 'End') goTo(nodes.length - 1)
    else if (event.key === 'ArrowRight' && node !== undefined && node.span.children.length > 0) {
      if (node.open) goTo(chosen + 1)
      else toggle(node.span)
    } else if (event.key === 'ArrowLeft' && node !== undefined) {
      if (node.open) toggle(node.span)
      else onField(path.at(-2) ?? node.span)
    } else return
    event.preventDefault()
    event.stopPropagation()
  }

  return (
    <Virtual
      count={nodes.length}
      rowHeight={ROW_HEIGHT}
      scroller={scroller}
      attributes={{
        role: 'tree',
        class: 'virtual tree',
        tabIndex: 0,
        'aria-label': 'Fields',
        onKeyDown,
        onMouseLeave: () => onHover(null),
      }}
      row={(position) => {
        const node = nodes[position]
        if (node === undefined) return null
        const { span, depth, open } = node
        const { name, kind, note, children, start } = span
        const wrong = kind === 'malformed'
        return (
          <div
            key={`${start}.${depth}.${name}`}
            role="treeitem"
            tabIndex={-1}
            class={`node${span === field ? ' chosen' : ''}${wrong ? ' wrong' : ''}${depth === 0 ? ' root' : ''}`}
            aria-selected={span === field}
            aria-level={depth + 1}
            {...(children.length > 0 && { 'aria-expanded': open })}
            style={{ paddingLeft: `min(${8 + depth * 16}px, 40%)` }}
            onClick={() => onField(span)}
            onDblClick={() => toggle(span)}
            onMouseEnter={() => onHover(span)}
          >
            <span
              class="twisty"
              onClick={(event) => {
                event.stopPropagation()
                if (children.length > 0) toggle(span)
              }}
            >
              {children.length === 0 ? '' : open ? '▾' : '▸'}
            </span>
            <span class="key" title={name}>
              {wrong && name === '' ? 'malformed' : name}
            </span>
            {span.number !== undefined && (
              <span class="number" title="The field's number">
                = {span.number}
              </span>
            )}
            <Value span={span} />
            {note !== undefined && <span class="note">{note}</span>}
            <span class="kind">{wrong ? '' : kind}</span>
          </div>
        )
      }}
    />
  )
}

function Value({ span: { value, children, kind } }: { span: Span }) {
  if (value === null || kind === 'constant') {
    return children.length === 0 ? null : <span class="many">{count(children.length)}</span>
  }
  if (typeof value === 'string') {
    const shown = value.length > 300 ? `${value.slice(0, 300)}…` : value
    return <span class="value text">{JSON.stringify(shown)}</span>
  }
  if (value instanceof Uint8Array) {
    const shown = Array.from(value.subarray(0, 24), (byte) => hex(byte, 2)).join(' ')
    return (
      <span class="value bytes">
        {shown}
        {value.length > 24 ? ' …' : ''} <small>{count(value.length)} B</small>
      </span>
    )
  }
  return <span class="value number">{String(value)}</span>
}
