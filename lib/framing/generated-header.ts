import type { FrameHeader } from './frame-header.ts'
import { PlainHeader, type PlainLayout } from './plain-header.ts'
import type { Piece } from './row-reader.ts'

/** The header of a layout that stands ready made in a module of `qbp generate`: its text is never read. */
export class GeneratedHeader implements FrameHeader {
  readonly text: string
  readonly parts: readonly never[] = []
  readonly preamble: null = null
  readonly hasType: boolean
  readonly maxType: number
  readonly typeNames: null = null
  readonly reached = 0
  readonly fieldNames: readonly string[]
  readonly start: readonly number[]
  readonly read: FrameHeader['read']
  readonly plain: PlainHeader
  readonly writer: null = null

  constructor(layout: PlainLayout) {
    this.text = layout.text
    this.hasType = layout.hasType
    this.maxType = layout.maxType
    this.fieldNames = layout.fieldNames
    this.start = layout.start
    this.read = layout.read
    this.plain = new PlainHeader(layout)
  }

  /** None: tools that show them read the layout's text. */
  pieces(): Piece[] {
    return []
  }
}
