// A recording is lines of JSON: one that says what it is, then one for each thing that happened on a connection.
//
//   {"recording":1,"at":1795399740000.1,"target":"localhost:7000"}
//   {"at":1795399741000.2,"connection":1,"direction":"client","kind":"open"}
//   {"at":1795399741000.9,"connection":1,"direction":"client","kind":"bytes","bytes":"AAMAAAAA"}
//   {"at":1795399741001.5,"connection":1,"direction":"client","kind":"close"}

import { Fault } from '../command/fault.ts'
import { inputLines } from '../files/input-lines.ts'
import type { Captured } from './captured.ts'

/** A line of a recording, its bytes in base64. */
export type Recorded = Omit<Captured, 'bytes'> & { bytes?: string }

/** What a recording holds, in order. @throws {Fault} for a file that is none, with the line. */
export async function* readRecording(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Captured> {
  let number = 0
  let cut: number | undefined
  for await (const line of inputLines(chunks)) {
    number++
    const entry = parsed(line)
    if (number === 1) {
      if ((entry as { recording?: number } | undefined)?.recording !== 1)
        throw new Fault('this is no recording of qbp tap.')
      continue
    }
    // Only the last line, of a tap that was killed, may be cut.
    if (cut !== undefined) throw new Fault(`line ${cut} is no line of a recording.`)
    if (entry === undefined || !isRecorded(entry)) cut = number
    else {
      const { bytes, ...rest } = entry
      yield { ...rest, ...(bytes !== undefined && { bytes: Buffer.from(bytes, 'base64') }) }
    }
  }
  if (number === 0) throw new Fault('this is no recording of qbp tap: it is empty.')
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function isRecorded(entry: unknown): entry is Recorded {
  const { at, connection, direction, kind, bytes } = Object(entry) as Record<string, unknown>
  return (
    typeof at === 'number' &&
    typeof connection === 'number' &&
    (direction === 'client' || direction === 'server') &&
    (kind === 'open' || kind === 'close' || (kind === 'bytes' && typeof bytes === 'string'))
  )
}
