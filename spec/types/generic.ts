// Generic code over messages, as users write it: of any protocol, without a cast. Nothing here runs.

import { EventEmitter } from 'node:events'
import { Transform } from 'node:stream'
import {
  createServer,
  dispatch,
  Group,
  type Incoming,
  type MessageHandlers,
  type Outgoing,
  Protocol,
  type QbpConnection,
  type QbpReadable,
  type QbpServer,
  type QbpWritable,
  type Role,
} from '../../lib/index.ts'
import { connectionPair, type Expected, ScriptedPeer } from '../../lib/testing/index.ts'
import { chat } from '../../schemas/chat.ts'

/** 1. Sends, and sends again where it fails. */
export async function sendWithRetry<P extends Protocol, R extends Role>(
  connect: () => Promise<QbpConnection<P, R>>,
  message: Outgoing<P, R>,
  attempts = 3,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      const connection = await connect()
      await connection.writer.writeMessage(message)
      return
    } catch (error) {
      if (attempt === attempts) throw error
    }
  }
}

/** 2. A broadcast that is logged. */
export function announce<P extends Protocol, R extends Role, D>(
  group: Group<P, R, D>,
  message: Outgoing<P, R>,
  log: (text: string) => void,
): void {
  const count = group.broadcast(message)
  log(`${nameOf(message)} to ${count}`)
}

/** 3. A name, for logs. */
export function nameOf<P extends Protocol, R extends Role>(message: Outgoing<P, R> | Incoming<P, R>): string {
  return '$name' in message ? String(message.$name) : 'unnamed'
}

/** 4. Reads and passes on what one function lets pass. */
export async function relay<P extends Protocol, R extends Role>(
  reader: QbpReadable<P, R>,
  writer: QbpWritable<P, R>,
  change: (message: Incoming<P, R>) => Outgoing<P, R> | null,
): Promise<void> {
  for await (const message of reader) {
    const changed = change(message)
    if (changed !== null) await writer.writeMessage(changed)
  }
}

/** 5. A router: a function for each message, which may come from elsewhere. */
export async function route<P extends Protocol, R extends Role>(
  reader: QbpReadable<P, R>,
  routes: MessageHandlers<Incoming<P, R>>,
): Promise<void> {
  for await (const message of reader) await dispatch(message, routes)
}

/** 6. Requests by a field of one's own. */
export class Requests<P extends Protocol, R extends Role> {
  readonly #connection: QbpConnection<P, R>
  readonly #pending = new Map<unknown, (answer: Incoming<P, R>) => void>()

  constructor(connection: QbpConnection<P, R>) {
    this.#connection = connection
  }

  async ask(id: number, make: (id: number) => Outgoing<P, R>): Promise<Incoming<P, R>> {
    const answer = new Promise<Incoming<P, R>>((resolve) => this.#pending.set(id, resolve))
    await this.#connection.writer.writeMessage(make(id))
    return answer
  }

  async run(): Promise<void> {
    for await (const message of this.#connection.reader) if ('id' in message) this.#pending.get(message.id)?.(message)
  }
}

type NamesOf<T> = T extends { readonly $name: infer N extends string } ? N : never
type Named<T, N> = Extract<T, { readonly $name: N }>

/** 7. An emitter of messages, by their names. */
export class Messages<P extends Protocol, R extends Role> {
  readonly #emitter = new EventEmitter()

  on<N extends NamesOf<Incoming<P, R>>>(name: N, listener: (message: Named<Incoming<P, R>, N>) => void): this {
    this.#emitter.on(name, listener)
    return this
  }

  async run(reader: QbpReadable<P, R>): Promise<void> {
    for await (const message of reader) this.#emitter.emit(nameOf(message), message)
  }
}

/** 8. For tests: sends, and waits for the answer. */
export async function exchange<P extends Protocol, R extends Role, E extends Expected<Incoming<P, R>>>(
  peer: ScriptedPeer<P, R>,
  message: Outgoing<P, R>,
  expected: E,
): Promise<void> {
  await peer.send(message)
  await peer.expect(expected)
}

/** 9. Around whatever reads: a middleware that may leave messages out. */
export async function* filtered<M>(messages: AsyncIterable<M>, keep: (message: M) => boolean): AsyncGenerator<M> {
  for await (const message of messages) if (keep(message)) yield message
}

/** 10. A stage of a pipeline. The protocol is given before the function: TypeScript checks what that returns once it knows of which messages. */
export const stage =
  <P extends Protocol, R extends Role>(_protocol: P, _role: R) =>
  (change: (message: Incoming<P, R>) => Outgoing<P, R>): Transform =>
    new Transform({
      objectMode: true,
      transform: (message: Incoming<P, R>, _, done) => done(null, change(message)),
    })

/** 11. A frame for many writers, made once. */
export function toAll<P extends Protocol, R extends Role>(
  protocol: P,
  role: R,
  writers: Iterable<QbpWritable<P, R>>,
  message: Outgoing<P, R>,
): void {
  const frame = protocol.frame<P, R>(message, { role })
  for (const writer of writers) writer.write(frame)
}

/** 12. A server of any protocol, with what all of its handlers have. */
export const serving =
  <P extends Protocol>(protocol: P) =>
  (handle: (message: Incoming<P, 'server'>) => Outgoing<P, 'server'> | undefined): QbpServer<P> =>
    createServer(protocol, async (reader, writer) => {
      for await (const message of reader) {
        const answer = handle(message)
        if (answer !== undefined) await writer.writeMessage(answer)
      }
    })

/** All of them with a protocol that is known: what they take is checked. */
export async function used(): Promise<void> {
  const protocol = Protocol.from(chat)
  const { client, server } = connectionPair(protocol)
  await sendWithRetry(async () => client, { $name: 'Say', text: 'hi' })
  announce(new Group<typeof protocol, 'server'>().join(server), { $name: 'Say', text: 'hi' }, () => {})
  await relay(server.reader, server.writer, (message) => (message.$name === 'Say' ? message : null))
  await route(server.reader, { Say: ({ text }) => text.length, Join: async ({ room }) => void room })
  // @ts-expect-error: no such message
  await route(server.reader, { Shout: () => {} })
  // @ts-expect-error: no such field
  await route(server.reader, { Say: ({ txt }) => txt })
  await new Requests(client).ask(5, () => ({ $name: 'Say' }))
  const messages = new Messages<typeof protocol, 'client'>().on('Said', ({ at }) => at satisfies bigint)
  // @ts-expect-error: no such message
  messages.on('Shout', () => {})
  await messages.run(client.reader)
  await exchange(new ScriptedPeer(protocol, 'client'), { $name: 'Join', room: 'a' }, { $name: 'Welcome', room: 'a' })
  for await (const message of filtered(client.reader, ({ $name }) => $name === 'Said')) void message.$name
  server.reader.pipe(stage(protocol, 'server')(() => ({ $name: 'Say' }))).pipe(server.writer)
  toAll(protocol, 'server', [server.writer], { $name: 'Say', text: 'hi' })
  // @ts-expect-error: no such field
  toAll(protocol, 'server', [server.writer], { $name: 'Say', txt: 'hi' })
  await serving(protocol)((message) =>
    message.$name === 'Say' ? { $name: 'Said', text: message.text } : undefined,
  ).close()
}
