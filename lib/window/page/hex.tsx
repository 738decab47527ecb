import { useEffect, useRef } from 'preact/hooks'
import { hex } from './format.ts'
import type { Span } from './span.ts'
import { Virtual } from './virtual.tsx'

const ROW_HEIGHT = 22
const WIDTH = 16

interface HexProps {
  readonly bytes: Uint8Array
  readonly headerEnd: number
  readonly field: Span | null
  readonly hovered: Span | null
  readonly onByte: (position: number | null) => void
  readonly onHover: (position: number | null) => void
}

/** A frame's bytes, sixteen a line, with the chosen field's marked. */
export function Hex({ bytes, headerEnd, field, hovered, onByte, onHover }: HexProps) {
  const scroller = useRef<((position: number) => void) | null>(null)
  const digits = Math.max(4, bytes.length.toString(16).length)
  useEffect(() => {
    if (field === null) return
    // Its beginning, and as much after it as has room.
    scroller.current?.(Math.floor(Math.max(field.start, field.end - 1) / WIDTH))
    scroller.current?.(Math.floor(field.start / WIDTH))
  }, [field])

  const classOf = (position: number): string => {
    const classes = [position < headerEnd ? 'header' : '']
    if (field !== null && position >= field.start && position < field.end) {
      classes.push('marked', position < field.valueStart ? 'tag' : '')
      if (position === field.start || position % WIDTH === 0) classes.push('first')
      if (position === field.end - 1 || position % WIDTH === WIDTH - 1) classes.push('last')
    }
    if (hovered !== null && position >= hovered.start && position < hovered.end) classes.push('hovered')
    return classes.filter(Boolean).join(' ')
  }
  const positionOf = (event: Event): number | null => {
    const at = (event.target as HTMLElement).dataset.at
    return at === undefined ? null : Number(at)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -WIDTH, ArrowDown: WIDTH }[event.key]
    if (step === undefined) return
    event.preventDefault()
    event.stopPropagation()
    const from = field === null ? -1 : step > 0 ? Math.max(field.start, field.end - 1) : field.start
    onByte(Math.max(0, Math.min(bytes.length - 1, from + step)))
  }

  return (
    <Virtual
      count={Math.ceil(bytes.length / WIDTH)}
      rowHeight={ROW_HEIGHT}
      scroller={scroller}
      attributes={{
        class: 'virtual hex',
        tabIndex: 0,
        role: 'group',
        'aria-label': 'Bytes',
        onKeyDown,
        onClick: (event: Event) => onByte(positionOf(event)),
        onMouseOver: (event: Event) => onHover(positionOf(event)),
        onMouseLeave: () => onHover(null),
      }}
      row={(line) => {
        const start = line * WIDTH
        const end = Math.min(start + WIDTH, bytes.length)
        const cells = []
        const letters = []
        for (let at = start; at < end; at++) {
          const byte = bytes[at] as number
          const classes = classOf(at)
          cells.push(
            <b key={at} data-at={at} class={classes}>
              {hex(byte, 2)}
            </b>,
          )
          const printable = byte > 32 && byte < 127
          letters.push(
            <b key={at} data-at={at} class={`${classes}${printable ? '' : ' dim'}`}>
              {printable ? String.fromCharCode(byte) : byte === 32 ? ' ' : '·'}
            </b>,
          )
        }
        return (
          <div class="hex-line" key={line}>
            <span class="offset">{hex(start, digits)}</span>
            <span class="cells">{cells}</span>
            <span class="letters">{letters}</span>
          </div>
        )
      }}
    />
  )
}
