import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import protobuf from 'protobufjs'
import { MessageReader, NONE } from '../../lib/framing/message-reader.ts'
import { MessageWriter } from '../../lib/framing/message-writer.ts'
import { WITHOUT_LIMITS } from '../../lib/framing/without-limits.ts'
import { type Protocol, type ProtocolOptions, QbpError, type Role } from '../../lib/index.ts'
import { everySplit } from '../../lib/testing/splits.ts'
import { reflectedProtocol } from '../support/reflected.ts'

const FOLDER = join(__dirname, 'vectors')
const LIMIT = 2 ** 20

interface Vector {
  name: string
  role?: Role
  stream?: string
  messages?: object[]
  error?: { code: string; offset: number; frame: number }
  oneWay?: boolean
  refused?: { message: object; code: string; field: string }[]
}
interface VectorFile extends ProtocolOptions {
  about: string
  schema: string[]
  vectors: Vector[]
}

/** A value as vectors have it, to the one that it means. */
function meant(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(meant)
  if (typeof value !== 'object' || value === null) return value
  const { hex, number } = value as { hex?: string; number?: string }
  if (hex !== undefined) return Buffer.from(hex, 'hex')
  if (number !== undefined) return Number(number)
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, meant(item)]))
}

/** A message with its own fields alone, 64-bit integers as text. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]))
}

/** What a reader makes of a stream. */
function read(
  protocol: Protocol,
  role: Role | undefined,
  chunks: readonly Buffer[],
): { list: object[]; fault?: QbpError } {
  const list: object[] = []
  const { header, unknown, invalid } = protocol
  const table = protocol.table(role, 'incoming')
  const messages = new MessageReader({ ...WITHOUT_LIMITS, header, table, unknown, invalid, maxBodyBytes: LIMIT })
  try {
    for (const chunk of chunks) {
      messages.frames.feed(chunk)
      for (let message = messages.take(); message !== NONE; message = messages.take()) list.push(message)
    }
    messages.frames.finish()
  } catch (fault) {
    return { list, fault: fault as QbpError }
  }
  return { list }
}

const other = (role: Role | undefined): Role | undefined =>
  role === undefined ? role : role === 'client' ? 'server' : 'client'

/** The frame of a message. */
function write(protocol: Protocol, role: Role | undefined, message: object): Buffer {
  return Buffer.from(new MessageWriter(protocol.header, protocol.table(role, 'outgoing'), LIMIT).frame(message))
}

describe('vectors', () => {
  for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.json'))) {
    const { about, schema, vectors, ...options }: VectorFile = JSON.parse(readFileSync(join(FOLDER, file), 'utf8'))
    describe(about, () => {
      const root = protobuf.parse(schema.join('\n')).root
      const protocol: Protocol = reflectedProtocol(root.nestedArray[0] as protobuf.Namespace, options)

      for (const { name, role, stream, messages = [], error, oneWay = false, refused = [] } of vectors) {
        if (stream === undefined) {
          it(`refuses to write ${name}`, () => {
            for (const { message, code, field } of refused) {
              const act = () => write(protocol, other(role), meant(message) as object)
              expect(act, JSON.stringify(message)).to.throw(QbpError).that.includes({ code, field })
            }
          })
          continue
        }
        const bytes = Buffer.from(stream.replaceAll(' ', ''), 'hex')
        it(`reads ${name}, however it is cut`, () => {
          for (const { how, chunks } of everySplit(bytes, { random: 20, twoWay: 60 })) {
            const { list, fault } = read(protocol, role, chunks)
            expect(list.map(plain), how).to.deep.equal(messages.map(meant))
            if (error === undefined) expect(fault, how).to.equal(undefined)
            else expect(fault, how).to.include(error)
          }
        })
        if (error === undefined && !oneWay) {
          it(`writes ${name}`, () => {
            const { list } = read(protocol, role, [bytes])
            for (const source of [messages.map(meant), list] as object[][]) {
              const frames = source.map((message) => write(protocol, other(role), message))
              expect(Buffer.concat(frames).toString('hex')).to.equal(bytes.toString('hex'))
            }
          })
        } else if (error === undefined) {
          it(`writes ${name}, as a writer would, and reads that back equal`, () => {
            const { list } = read(protocol, role, [bytes])
            const again = Buffer.concat(list.map((message) => write(protocol, other(role), message)))
            expect(read(protocol, role, [again]).list.map(plain)).to.deep.equal(messages.map(meant))
          })
        }
      }
    })
  }
})
