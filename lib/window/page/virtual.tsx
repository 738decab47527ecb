import type { ComponentChildren, RefObject } from 'preact'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'

interface VirtualProps {
  readonly count: number
  /** Height of every row, in pixels. */
  readonly rowHeight: number
  readonly row: (position: number) => ComponentChildren
  /** Brings a row into view. */
  readonly scroller: RefObject<((position: number) => void) | null>
  /** Keeps the end in view as rows come. Scrolling by hand changes it. */
  readonly follow?: boolean
  readonly onFollow?: (follow: boolean) => void
  /** Grows as rows at the top go away, so that what is looked at stays where it is. */
  readonly gone?: number
  /** Of the element that scrolls. */
  readonly attributes?: Record<string, unknown>
}

const MARGIN_ROWS = 8

/** A list of which only the rows in sight exist. */
export function Virtual({
  count,
  rowHeight,
  row,
  scroller,
  follow = false,
  onFollow,
  gone = 0,
  attributes,
}: VirtualProps) {
  const element = useRef<HTMLDivElement>(null)
  const [place, setPlace] = useState({ top: 0, height: 600 })
  const goneBefore = useRef(gone)
  /** Where we scrolled to ourselves: a scroll event there comes of no hand. */
  const ours = useRef(-1)

  const scrollTo = (top: number) => {
    const { current } = element
    if (current === null) return
    current.scrollTop = top
    ours.current = current.scrollTop
    setPlace((was) => (was.top === current.scrollTop ? was : { ...was, top: current.scrollTop }))
  }

  scroller.current = (position) => {
    const { current } = element
    if (current === null) return
    const top = position * rowHeight
    if (top < current.scrollTop) scrollTo(top)
    else if (top + rowHeight > current.scrollTop + current.clientHeight)
      scrollTo(top + rowHeight - current.clientHeight)
  }

  useLayoutEffect(() => {
    const { current } = element
    if (current === null) return
    const observer = new ResizeObserver(() => setPlace({ top: current.scrollTop, height: current.clientHeight }))
    observer.observe(current)
    return () => observer.disconnect()
  }, [])

  useLayoutEffect(() => {
    const { current } = element
    const shift = gone - goneBefore.current
    goneBefore.current = gone
    if (current === null) return
    if (follow) scrollTo(count * rowHeight)
    else if (shift > 0) scrollTo(Math.max(0, current.scrollTop - shift * rowHeight))
  })

  const onScroll = () => {
    const { current } = element
    if (current === null) return
    const { scrollTop: top, clientHeight: height, scrollHeight } = current
    setPlace({ top, height })
    if (top === ours.current) return
    ours.current = -1
    onFollow?.(top + height >= scrollHeight - rowHeight / 2)
  }

  const first = Math.max(0, Math.floor(place.top / rowHeight) - MARGIN_ROWS)
  const last = Math.min(count, Math.ceil((place.top + place.height) / rowHeight) + MARGIN_ROWS)
  const rows = []
  for (let position = first; position < last; position++) rows.push(row(position))
  return (
    <div class="virtual" ref={element} onScroll={onScroll} {...attributes}>
      <div class="virtual-space" style={{ height: `${count * rowHeight}px` }}>
        <div style={{ transform: `translateY(${first * rowHeight}px)` }}>{rows}</div>
      </div>
    </div>
  )
}
