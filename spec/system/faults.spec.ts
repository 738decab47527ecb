import { once } from 'node:events'
import { expect } from 'chai'
import { type ConnectionOptions, connect, createServer, type QbpConnection, type QbpServer } from '../../lib/index.ts'
import { conversation, hex, protocol, vectors } from '../support/chat.ts'
import { type ConnectionFaults, FaultProxy, type Faults } from '../support/fault-proxy.ts'
import { settled } from '../support/settled.ts'
import { portOf } from '../support/transports.ts'

// A client says all vectors, ends its side, and reads what the server echoes. Between them every fault of a network, at every
// byte of the conversation, each way. What a side hears is all the code there is to see: nothing was lost in silence, nothing
// hangs, and no socket is left.

/** Where a silence is what happens it must be short; elsewhere a busy machine must not be taken for one. */
const SILENCE_MS = 60
const deadlinesOf = (limitMs: number) => ({ idleTimeoutMs: limitMs, frameTimeoutMs: limitMs, lingerMs: limitMs })

/** What one side has read, and how it was reported that there is no more: a code, or null for a clean end. */
interface Outcome {
  messages: unknown[]
  reported: string | null
  closed: string | null
}

const codeOf = (error: unknown) => (error === null ? null : ((error as { code?: string }).code ?? String(error)))

async function read(
  reader: AsyncIterable<unknown>,
  each: (message: never) => Promise<void>,
): Promise<Omit<Outcome, 'closed'>> {
  const messages: unknown[] = []
  try {
    for await (const message of reader) {
      messages.push(message)
      await each(message as never)
    }
    return { messages, reported: null }
  } catch (error) {
    return { messages, reported: codeOf(error) }
  }
}

/** A server for one column of the matrix, and a proxy before it. */
class Stage implements AsyncDisposable {
  readonly #deadlines: ConnectionOptions
  readonly #server: QbpServer<typeof protocol>
  #proxy!: FaultProxy
  #served: (outcome: Outcome) => void = () => {}

  private constructor(limitMs: number) {
    this.#deadlines = deadlinesOf(limitMs)
    this.#server = createServer(protocol, this.#deadlines, async (reader, writer, connection) => {
      const outcome = await read(reader, (message) => writer.writeMessage(message))
      const closing = outcome.reported === null ? connection.close() : destroyed(connection)
      this.#served({ ...outcome, closed: codeOf(await closing) })
    })
  }

  static async start(limitMs = 10_000): Promise<Stage> {
    const stage = new Stage(limitMs)
    await once(stage.#server.listen(0, '127.0.0.1'), 'listening')
    stage.#proxy = await FaultProxy.start({ port: portOf(stage.#server) })
    return stage
  }

  async talk(faults: ConnectionFaults): Promise<{ client: Outcome; server: Outcome | null }> {
    const served = new Promise<Outcome>((resolve) => {
      this.#served = resolve
    })
    this.#proxy.faults = faults
    const accepted = this.#server.stats().accepted
    const connection = await connect(protocol, { ...this.#deadlines, port: this.#proxy.port, host: '127.0.0.1' })
    for (const { message } of vectors) connection.writer.write(message)
    connection.writer.end()
    const outcome = await read(connection.reader, async () => {})
    const closed = codeOf(await (outcome.reported === null ? connection.close() : destroyed(connection)))
    // A silence or a reset before the first byte may never show the server a client.
    const server = this.#server.stats().accepted > accepted || closed === null ? await served : null
    return { client: { ...outcome, closed }, server }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#proxy.close()
    await this.#server.close({ graceMs: 500 })
    expect(this.#proxy.openSockets).to.equal(0)
    expect(this.#server.connections.size).to.equal(0)
  }
}

/** A side has read all that was sent, or the beginning of it and was reported. */
function check({ messages, reported, closed }: Outcome, place: string, mayEnd: boolean): void {
  for (const [at, message] of messages.entries()) expect(message, place).to.deep.include(vectors[at]?.message as object)
  expect(messages.length, place).to.be.at.most(vectors.length)
  if (messages.length === vectors.length) return
  if (!mayEnd) expect(reported, place).to.be.a('string')
  if (reported !== null)
    expect(reported, place).to.match(/^(ECONNRESET|EPIPE|ERR_QBP_(TRUNCATED|CLOSED|IDLE_TIMEOUT|FRAME_TIMEOUT))$/)
  if (reported !== null) expect(closed, place).to.be.a('string')
}

const boundaries = vectors.reduce<number[]>((ends, { wire }) => ends.concat((ends.at(-1) ?? 0) + hex(wire).length), [0])

describe('a network that', () => {
  const faults: Record<string, (bytes: number) => Faults> = {
    cuts: (cutAfterBytes) => ({ cutAfterBytes }),
    resets: (resetAfterBytes) => ({ resetAfterBytes }),
    'falls silent': (silentAfterBytes) => ({ silentAfterBytes }),
  }
  for (const [what, fault] of Object.entries(faults)) {
    for (const direction of ['toTarget', 'toClient'] as const) {
      describe(
        `${what} ${direction === 'toTarget' ? 'on the way to the server' : 'on the way back'}`,
        settled(() => {
          it('loses nothing in silence, wherever it does', async () => {
            const places = Array.from({ length: conversation.length }, (_, at) => at)
            const workers = Array.from({ length: 6 }, async () => {
              await using stage = await Stage.start(what === 'falls silent' ? SILENCE_MS : 10_000)
              for (let at = places.pop(); at !== undefined; at = places.pop()) {
                const place = `after ${at} bytes`
                const { client, server } = await stage.talk({ [direction]: fault(at) })
                // An end between two frames is an orderly end, whoever made it; within one it is a truncation. And Linux may
                // show a reset as an end.
                const mayEnd = what !== 'falls silent' && boundaries.includes(at)
                check(client, `client ${place}`, mayEnd || direction === 'toTarget')
                if (server !== null) check(server, `server ${place}`, mayEnd || direction === 'toClient')
                if (what === 'cuts' && !mayEnd) {
                  const side = direction === 'toTarget' ? server : client
                  expect(side?.reported, place).to.equal('ERR_QBP_TRUNCATED')
                }
                if (direction === 'toTarget' && server !== null)
                  expect(server.messages.length, place).to.equal(
                    boundaries.filter((end) => end > 0 && end <= at).length,
                  )
              }
            })
            await Promise.all(workers)
          }).timeout(30_000)
        }),
      )
    }
  }

  describe(
    'is merely bad',
    settled(() => {
      const slow: Record<string, Faults> = {
        'slices to single bytes': { sliceBytes: 1 },
        delays: { latencyMs: 5 },
        'is narrow': { bytesPerSecond: 20_000 },
        'does all of it': { sliceBytes: 3, latencyMs: 2, bytesPerSecond: 50_000 },
      }
      for (const [what, fault] of Object.entries(slow)) {
        it(`and ${what} loses nothing`, async () => {
          await using stage = await Stage.start()
          const { client, server } = await stage.talk({ toTarget: fault, toClient: fault })
          for (const side of [client, server]) {
            expect(side?.messages).to.have.length(vectors.length)
            expect(side).to.include({ reported: null, closed: null })
            check(side as Outcome, what, false)
          }
        })
      }
    }),
  )
})

function destroyed(connection: Pick<QbpConnection, 'destroy' | 'closed'>): Promise<Error | null> {
  connection.destroy()
  return connection.closed
}
