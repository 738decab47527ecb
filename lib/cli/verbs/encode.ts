import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { addAbortSignal } from 'node:stream'
import { QbpWritable } from '../../index.ts'
import { frameFromJson } from '../../protojson/frame-json.ts'
import { parseJson } from '../../protojson/parse-json.ts'
import { errorText, isFolder, notAFile, UsageError } from '../command/fault.ts'
import { DONE, FAULT, verb } from '../command/verb.ts'
import { inputLines } from '../files/input-lines.ts'
import { commandProtocol, protocolOptions, senderOf } from '../options/protocol-options.ts'
import { Progress } from '../terminal/progress.ts'

const form = {
  name: 'encode',
  usage: '[FILE|-] --schema FILE.proto [options]',
  about: `Reads lines of JSON, such as {"name": "Say", "message": {"text": "hi"}} and what qbp decode prints, and writes
    their frames to standard output. A line that does not fit ends it, with the line's number and the field; the
    frames before it are written.`,
  options: {
    ...protocolOptions,
  },
  example: `echo '{"name":"Say","message":{"text":"hi"}}' | qbp encode --schema chat.proto | nc localhost 7000`,
} as const

/** `qbp encode`. */
export const run = verb(form, async (values, positionals, io) => {
  const [file = '-', ...more] = positionals
  if (more.length > 0) throw new UsageError(`one file at a time: '${more[0]}' is a second one.`)
  const command = await commandProtocol(values)
  const role = senderOf(command)
  const writer = new QbpWritable(command.protocol, { role, maxBodyBytes: command.maxBodyBytes })
  const input = file === '-' ? io.stdin : createReadStream(file)
  addAbortSignal(io.signal, input)
  writer.on('data', (bytes: Buffer) => {
    if (io.stdout.write(bytes)) return
    writer.pause()
    io.stdout.once('drain', () => writer.resume())
  })
  let line = 0
  const progress = new Progress(io, () => `${line} lines`)
  let code = DONE
  try {
    for await (const text of inputLines(input)) {
      line++
      if (text.trim() === '') continue
      try {
        const message = frameFromJson(command.protocol, role, parseJson(text))
        if (!writer.write(message)) await once(writer, 'drain', { signal: io.signal })
      } catch (error) {
        if (io.signal.aborted) throw error
        io.stderr.write(`qbp encode: line ${line}: ${errorText(error as Error)}\n`)
        code = FAULT
        break
      }
    }
  } catch (error) {
    throw isFolder(error) ? notAFile(file, error) : error
  } finally {
    progress.stop()
  }
  writer.end()
  await once(writer, 'end', { signal: io.signal })
  return code
})
