// Guesses about a file: of its streams the first bytes are looked at.

import type { Role } from '../../index.ts'
import { type CaptureOptions, openFile } from '../capture/open.ts'
import { recognise } from '../capture/recognise.ts'
import type { Io } from '../command/verb.ts'
import { shellWord } from '../options/values.ts'
import { guess } from './guess.ts'
import type { Guess } from './reading.ts'
import { sureGuess } from './sure.ts'
import type { Stream } from './tiling.ts'

/** Of each stream so many bytes are looked at, and so many streams. */
const STREAM_BYTES = 2 ** 20
const SHORT_BYTES = 2 ** 16
const MOST_STREAMS = 16

/** The streams of a capture, as far as they are looked at. */
export interface Samples {
  readonly hasConnections: boolean
  readonly streams: readonly Stream[]
}

/** Reads the first bytes of a capture's streams. */
export async function samplesOf(file: string, io: Io, options: Omit<CaptureOptions, 'direction'>): Promise<Samples> {
  const capture = await openFile(file, io, { ...options, direction: 'client' })
  const streams = new Map<string, { parts: Uint8Array[]; length: number; cut: boolean; direction: Role }>()
  for await (const { connection, direction, kind, bytes, error } of capture.events) {
    const key = `${connection} ${direction}`
    const stream = streams.get(key) ?? { parts: [], length: 0, cut: true, direction }
    if (kind === 'bytes' && bytes !== undefined) {
      if (!streams.has(key) && streams.size >= MOST_STREAMS) continue
      streams.set(key, stream)
      if (stream.length < STREAM_BYTES) stream.parts.push(bytes.slice(0, STREAM_BYTES - stream.length))
      stream.length += bytes.length
    } else if (kind === 'close') stream.cut = error !== undefined || stream.length > STREAM_BYTES
    if (!capture.hasConnections && stream.length > STREAM_BYTES) break
  }
  return {
    hasConnections: capture.hasConnections,
    streams: [...streams.values()].map(({ parts, ...rest }) => ({ ...rest, bytes: Buffer.concat(parts) })),
  }
}

/** The headers that fit: by the first bytes, or by more where frames are longer than these. */
export function guessesOf({ streams }: Samples): readonly Guess[] {
  const isRead = (guesses: readonly Guess[]) =>
    guesses[0]?.left.every(([before, after], i) => before + after < (streams[i]?.bytes.length ?? 0) / 4) === true
  const short = streams.map(({ bytes, cut, ...rest }) => ({
    ...rest,
    bytes: bytes.subarray(0, SHORT_BYTES),
    cut: cut || bytes.length > SHORT_BYTES,
  }))
  const quick = guess(short)
  const isAll = streams.every(({ bytes }) => bytes.length <= SHORT_BYTES)
  return isRead(quick) || isAll ? quick : guess(streams)
}

/** What names a protocol on the command line. */
interface Named {
  schema?: string[]
  header?: string
}

/**
 * The options of a verb that reads a file, with the header that its bytes have, where neither schema nor header is given and that is
 * beyond doubt. Standard input is read once, and has the default.
 */
export async function withGuessedHeader<V extends Named>(
  verb: string,
  values: V,
  file: string,
  io: Io,
  options: Omit<CaptureOptions, 'direction'>,
): Promise<V> {
  if (values.schema !== undefined || values.header !== undefined || file === '-') return values
  const samples = await samplesOf(file, io, options)
  if (samples.streams.some(({ bytes }) => recognise(bytes) !== undefined)) return values
  const guesses = guessesOf(samples)
  const sure = sureGuess(guesses)
  const isDefault = ({ name, left }: Guess) => name === 'default' && left.flat().every((bytes) => bytes === 0)
  if (sure === undefined || guesses.some(isDefault) || sure.left.some(([before]) => before > 0)) return values
  const header = sure.name ?? sure.line
  io.stderr.write(`qbp ${verb}: the header is guessed by ${sure.frames} frames: --header ${shellWord(header)}\n`)
  const role = sure.role === undefined || samples.hasConnections ? {} : { role: sure.role }
  return { ...values, header, ...role }
}
