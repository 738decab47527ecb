import { recognise } from '../capture/recognise.ts'
import { Fault, UsageError } from '../command/fault.ts'
import { DONE, verb } from '../command/verb.ts'
import { isText } from '../guess/bodies.ts'
import { guessesOf, samplesOf } from '../guess/capture.ts'
import { captureForm, captureOptions } from '../options/capture-options.ts'
import { shellWord, wholeNumber } from '../options/values.ts'
import { painter } from '../terminal/lines.ts'
import { jsonLine } from '../terminal/printable.ts'

const form = {
  name: 'guess',
  usage: '[FILE|-] [options]',
  about: `Finds the header of frames whose bodies are protobuf: of every layout that cuts all of FILE into whole frames with
    bodies that read, the likeliest first, with how many frames and fields each explains, and the command to go on with. FILE
    is anything that qbp decode opens.`,
  options: {
    ...captureOptions,
    most: { type: 'string', value: 'N', help: 'how many layouts are printed at most (default: 5)' },
    json: { type: 'boolean', help: 'a line of JSON for each' },
  },
  example: 'qbp guess capture.pcap --port 7000',
} as const

/** `qbp guess`. */
export const run = verb(form, async (values, positionals, io) => {
  const [file = '-', ...more] = positionals
  if (more.length > 0) throw new UsageError(`one file at a time: '${more[0]}' is a second one.`)
  const most = wholeNumber('most', values.most ?? '5', 1)
  const samples = await samplesOf(file, io, captureForm(values))
  const { streams } = samples
  if (streams.length === 0) throw new Fault(`${file}: there are no bytes in it.`)
  const known = recognise(streams[0]?.bytes ?? new Uint8Array(0))
  if (known !== undefined) throw new Fault(`${file}: no frames are looked for. It is ${known}.`)
  const guesses = guessesOf(samples)
  const [best] = guesses
  if (best === undefined) {
    throw new Fault(
      streams.every(({ bytes }) => isText(bytes))
        ? `${file}: it is text, no frames.`
        : `${file}: no layout fits. Its bodies may be no protobuf, be compressed or encrypted, or there are too few frames.`,
    )
  }
  const paint = painter(io)
  for (const { line, name, role, frames, fields, left } of guesses.slice(0, most)) {
    const sender = role === undefined || samples.hasConnections ? '' : ` --role ${role}`
    const header = (name === 'default' ? '' : ` --header ${shellWord(name ?? line)}`) + sender
    const ports = (values.port ?? []).map((port) => ` --port ${port}`).join('')
    const skip = samples.hasConnections || line.includes('|') ? 0 : (left[0]?.[0] ?? 0)
    const command =
      skip > 0
        ? `tail -c +${skip + 1} ${shellWord(file)} | qbp decode -${header}`
        : `qbp decode ${shellWord(file)}${header}${ports}`
    if (values.json) io.stdout.write(`${jsonLine({ header: line, name, frames, fields, command })}\n`)
    else {
      const title = name === undefined ? '' : ` (${name})`
      io.stdout.write(`${paint('bold', line)}${title}  ${frames} frames, ${fields} fields\n  ${command}\n`)
    }
  }
  const [before, after] = [0, 1].map((side) => Math.max(...best.left.map((each) => each[side] ?? 0)))
  const isCut = (before && !best.line.includes('|')) || (after && streams.some(({ cut }) => !cut))
  if (isCut)
    io.stderr.write(
      `qbp guess: it begins or ends within a frame: ${before} bytes before the first whole one, ${after} after the last.\n`,
    )
  if (best.frames === 1)
    io.stderr.write('qbp guess: there is one frame only, which says little: a longer capture says more.\n')
  return DONE
})
