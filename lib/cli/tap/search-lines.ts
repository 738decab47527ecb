// What a search for a layout reports, as lines: for people, or of JSON.

import { Protocol } from '../../index.ts'
import type { Io } from '../command/verb.ts'
import type { Guess } from '../guess/reading.ts'
import { Lines, painter } from '../terminal/lines.ts'
import { jsonLine } from '../terminal/printable.ts'
import { bytesText } from '../terminal/progress.ts'
import { Direction, type Place } from './direction.ts'
import type { TapEvent } from './events.ts'
import { now } from './passage.ts'
import type { SoughtSide } from './sought-side.ts'

const SHOWN_BYTES = 32
const SHOWN_FRAMES = 3

/** The line of a layout that was found, and the command to go on with. */
export function foundLine({ line, name, frames, fields }: Guess, command: string, io: Io, json: boolean): string {
  if (json) return jsonLine({ at: now(), kind: 'layout', header: line, name, frames, fields, command })
  const paint = painter(io)
  return `${paint('bold', line)}${name === undefined ? '' : ` (${name})`}  ${frames} frames, ${fields} fields  ${paint('grey', command)}`
}

/** The bytes of sides while no layout is sure, and what they are by the likeliest. */
export function unsureLines(
  sides: readonly SoughtSide[],
  likeliest: Guess | undefined,
  io: Io,
  json: boolean,
): string[] {
  const paint = painter(io)
  const protocol = likeliest === undefined ? undefined : Protocol.raw({ header: likeliest.header })
  return sides.flatMap(({ place, sample, length }) => {
    const { connection, direction } = place
    const bytes = Buffer.from(sample)
    const frames = protocol === undefined ? [] : framesOf(protocol, place, sample)
    const lines = new Lines(protocol ?? Protocol.raw(), io, json)
    if (json) {
      const by = likeliest && { likeliest: likeliest.line, frames: frames.map((frame) => lines.frameOf(frame)) }
      return jsonLine({
        ...{ at: now(), connection, direction, kind: 'unsure', length, bytes: bytes.toString('base64') },
        ...by,
      })
    }
    const arrow = direction === 'client' ? paint('cyan', '→') : paint('yellow', '←')
    const shown = (bytes.subarray(0, SHOWN_BYTES).toString('hex').match(/../g) ?? []).join(' ')
    const more = length > SHOWN_BYTES ? ' …' : ''
    const guess = likeliest === undefined ? '' : `; by the likeliest, '${likeliest.line}':`
    return [
      `#${connection} ${arrow} ${bytesText(length)}: ${shown}${more}  ${paint('grey', `no layout is sure yet${guess}`)}`,
      ...frames.map((frame) => `    ${lines.messageText(frame)}`),
    ]
  })
}

/** The first frames of a side, as far as they are whole. */
function framesOf(protocol: Protocol, place: Place, sample: Uint8Array): TapEvent[] {
  const events: TapEvent[] = []
  const direction = new Direction(protocol, place, sample.length, (event) => events.push(event))
  direction.bytes(0, sample)
  return events.filter(({ kind }) => kind === 'frame').slice(0, SHOWN_FRAMES)
}
