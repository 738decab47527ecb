// What the types of a Protocol know of its tables, and what does not compile. Nothing here runs: `npm run lint` checks it.

import { type Framed, type Incoming, type Outgoing, Protocol, RawMessage, type Schema } from '../../lib/index.ts'
import { chat } from '../../schemas/chat.ts'

/** As `qbp generate` would make it: nested messages by their path, options of their own where the .proto has them. */
type Nested = {
  Open: { read: { url: string } & Framed<'Open'>; write: { url?: string } & Framed<'Open'>; options: '(id)' }
  'Open.Ok': { read: { id: bigint } & Framed<'Open.Ok'>; write: { id?: bigint } & Framed<'Open.Ok'>; options: never }
  Close: { read: { why: string } & Framed<'Close'>; write: { why?: string } & Framed<'Close'>; options: '(qbp.type)' }
}
declare const nested: Schema<Nested>

type Role = 'client' | 'server'
type Read<P, R extends Role = Role> = Exclude<Incoming<P, R>, null>
type Written<P, R extends Role = Role> = Outgoing<P, R>

/** Compiles if both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_: Same<A, B>): void => {}

export function byOption(): void {
  const protocol = Protocol.from(chat)
  type P = typeof protocol
  same<Read<P>['$name'], 'Join' | 'Resume' | 'Leave' | 'Say' | 'Welcome' | 'Joined' | 'Left' | 'Said' | 'Refused'>(true)
  const write = (_: Written<P>): void => {}
  write({ $name: 'Say', room: 'hall', text: 'hello' })
  write({ $name: null, type: 99, body: new Uint8Array(1) })
  // @ts-expect-error: no such field
  write({ $name: 'Say', txt: 'hello' })
  // @ts-expect-error: an unlisted message has a body
  write({ $name: null, type: 99 })
  // @ts-expect-error: no name, and there are several messages
  write({ room: 'hall' })
  // @ts-expect-error: no such layout option
  Protocol.from(chat, { headers: 'length:u8' })
  // @ts-expect-error: no such policy
  Protocol.from(chat, { unknown: 'drop' })
}

/** As `qbp generate` would make it of messages that one end sends. */
type Directed = {
  Ping: { read: Framed<'Ping'>; write: Framed<'Ping'>; options: '(qbp.type)' }
  Ask: { read: Framed<'Ask'>; write: Framed<'Ask'>; options: '(qbp.client)' }
  Answer: { read: Framed<'Answer'>; write: Framed<'Answer'>; options: '(qbp.server)' }
  Inner: { read: Framed<'Inner'>; write: Framed<'Inner'>; options: never }
}
declare const directed: Schema<Directed>

export function directions(): void {
  const protocol = Protocol.from(directed)
  same<Read<typeof protocol, 'server'>['$name'], 'Ping' | 'Ask'>(true)
  same<Read<typeof protocol, 'client'>['$name'], 'Ping' | 'Answer'>(true)
  const both = Protocol.from(directed, { types: ['(qbp.type)', { Inner: 5 }] })
  same<Read<typeof both, 'server'>['$name'], 'Ping' | 'Ask' | 'Inner'>(true)
  const one = Protocol.from(directed, { types: '(qbp.server)' })
  same<Read<typeof one, 'server'>['$name'], 'Answer'>(true)
}

export function names(): void {
  Protocol.from(nested, { types: { client: { Close: 1 }, server: ['(id)', { Quiet: { type: 2, body: 'empty' } }] } })
  Protocol.from(nested, { types: { Other: { type: 3, message: 'Close' } } })
  Protocol.from(nested, { types: 'AnEnum' })
  // @ts-expect-error: no message has this option
  Protocol.from(nested, { types: '(ids)' })
  // @ts-expect-error: in a list neither
  Protocol.from(nested, { types: ['(id)', '(ids)'] })
  // @ts-expect-error: no such message
  Protocol.from(nested, { types: { Closed: 1 } })
  // @ts-expect-error: no such message for a role
  Protocol.from(nested, { types: { client: { Closed: 1 }, server: { Close: 1 } } })
  // @ts-expect-error: no such message under another name
  Protocol.from(nested, { types: { Other: { type: 3, message: 'Closed' } } })
}

export function perRole(): void {
  const protocol = Protocol.from(chat, {
    types: {
      client: { Join: 1, Say: 2 },
      server: { Said: 1, Quiet: { type: 2, body: 'empty' }, Voice: { type: 3, body: 'raw' } },
    },
  })
  type P = typeof protocol
  // A reader hands out what the other role sends; a writer takes what its own does.
  same<Read<P, 'client'>['$name'], 'Said' | 'Quiet' | 'Voice'>(true)
  same<Read<P, 'server'>['$name'], 'Join' | 'Say'>(true)
  const fromClient = (_: Written<P, 'client'>): void => {}
  const fromServer = (_: Written<P, 'server'>): void => {}
  fromClient({ $name: 'Join', room: 'hall', name: 'ann' })
  // @ts-expect-error: what the server sends
  fromClient({ $name: 'Said' })
  fromServer({ $name: 'Said', at: 5 })
  fromServer({ $name: 'Quiet' })
  fromServer({ $name: 'Voice', body: new Uint8Array(2) })
  // @ts-expect-error: an empty message has no fields
  fromServer({ $name: 'Quiet', text: '' })
  // @ts-expect-error: a raw message has a body
  fromServer({ $name: 'Voice' })
  // @ts-expect-error: the body is bytes
  fromServer({ $name: 'Voice', body: 'text' })
  // @ts-expect-error: what the client sends
  fromServer({ $name: 'Join' })

  const message = {} as Read<P, 'client'>
  switch (message.$name) {
    case 'Said':
      same<typeof message.at, bigint>(true)
      break
    case 'Voice':
      same<typeof message, RawMessage<'Voice'>>(true)
      break
    case 'Quiet':
      // @ts-expect-error: an empty message has no fields
      message.text
      break
    default: {
      const never: never = message
      void never
    }
  }
}

export function renamed(): void {
  const protocol = Protocol.from(chat, { types: { Say: 1, Shout: { type: 2, message: 'Say' } } })
  type P = typeof protocol
  same<Read<P>['$name'], 'Say' | 'Shout'>(true)
  const message = {} as Read<P>
  if (message.$name === 'Shout') same<typeof message.text, string>(true)
  const write = (_: Written<P>): void => {}
  write({ $name: 'Shout', text: 'HELLO' })
  // @ts-expect-error: a field of another message
  write({ $name: 'Shout', members: [] })
  // @ts-expect-error: not in the table
  write({ $name: 'Join' })
}

export function merged(): void {
  const protocol = Protocol.from(chat, { types: ['(qbp.type)', { Voice: { type: 90, body: 'raw' } }] })
  type P = typeof protocol
  same<Extract<Read<P>, { $name: 'Voice' }>, RawMessage<'Voice'>>(true)
  same<Extract<Read<P>, { $name: 'Say' }>['text'], string>(true)
  // @ts-expect-error: the number of an entry is a number
  Protocol.from(chat, { types: { Say: '1' } })
}

export function oneMessage(): void {
  const one = Protocol.from(chat, { header: 'length:varint', message: 'Say' })
  same<Read<typeof one>['$name'], 'Say'>(true)
  const write = (_: Written<typeof one>): void => {}
  // Its name may be left out.
  write({ text: 'hello' })
  write({ $name: 'Say', text: 'hello' })
  // @ts-expect-error: another message
  write({ $name: 'Join' })

  const two = Protocol.from(chat, { header: 'length:u32', message: { client: 'Say', server: { body: 'raw' } } })
  same<Read<typeof two, 'client'>, RawMessage<'Raw'>>(true)
  same<Read<typeof two, 'server'>['$name'], 'Say'>(true)
  const fromServer = (_: Written<typeof two, 'server'>): void => {}
  fromServer({ $name: 'Raw', body: new Uint8Array(1) })
  fromServer({ body: new Uint8Array(1) })
  // @ts-expect-error: what the client sends
  fromServer({ text: 'hello' })
}

export function unlisted(): void {
  const protocol = Protocol.from(chat, { types: { Say: 1 }, unknown: 'raw' })
  type P = typeof protocol
  same<Read<P>['$name'], 'Say' | null>(true)
  const message = {} as Read<P>
  if (message.$name === null) same<typeof message, RawMessage<null>>(true)
  else same<typeof message.text, string>(true)
  const invalid = Protocol.from(chat, { types: { Say: 1 }, invalid: 'raw' })
  same<Read<typeof invalid>['$name'], 'Say' | null>(true)
  const strict = Protocol.from(chat, { types: { Say: 1 } })
  same<Read<typeof strict>['$name'], 'Say'>(true)
}

export function nestedMessages(): void {
  const byName = Protocol.from(nested, { types: { Open: 1, 'Open.Ok': 2 } })
  same<Read<typeof byName>['$name'], 'Open' | 'Open.Ok'>(true)
  const message = {} as Read<typeof byName>
  if (message.$name === 'Open.Ok') same<typeof message.id, bigint>(true)
  const byOption = Protocol.from(nested)
  same<Read<typeof byOption>['$name'], 'Close'>(true)
}

export async function untyped(): Promise<void> {
  const protocol = await Protocol.load('some.proto')
  const message = {} as Read<typeof protocol>
  message.whatever.there.is
  same<typeof message.$name, string | null>(true)
  const raw: unknown = message
  if (raw instanceof RawMessage) same<typeof raw.body, Uint8Array>(true)
}

export function bodies(): void {
  const protocol = Protocol.from(chat, { types: { Say: 1, Told: { type: 2, message: 'Said' } } })
  same<ReturnType<typeof protocol.encode>, Buffer>(true)
  protocol.encode('Say', { room: 'hall' })
  protocol.encode('Said', protocol.decode('Said', new Uint8Array(0)))
  // @ts-expect-error: no such field
  protocol.encode('Say', { txt: 'hello' })
  // @ts-expect-error: a field of another type
  protocol.toJson('Say', { text: 5 })
  const { text } = protocol.decode('Say', new Uint8Array(0))
  same<typeof text, string>(true)
  // Listed or not, a name is the schema's.
  same<ReturnType<typeof protocol.decode<typeof protocol, 'Joined'>>['$name'], 'Joined'>(true)
  same<(typeof json)['$name'], 'Say'>(true)
  const json = protocol.fromJson('Say', {})
  const part = protocol.peek('Say', ['room'])(new Uint8Array(0))
  same<keyof typeof part, '$name' | 'room'>(true)
  // @ts-expect-error: no such field
  protocol.peek('Say', ['rom'])
  // A name in full, one that is made at run time, and a schema that was loaded: anything.
  protocol.decode('chat.Say', new Uint8Array(0)).whatever
  protocol.encode('Say' as string, { whatever: 1 })
}

export async function loadedBodies(): Promise<void> {
  const protocol = await Protocol.load('some.proto')
  protocol.encode('Say', { whatever: 1 })
  protocol.decode('Say', new Uint8Array(0)).whatever
  protocol.peek('Say', ['whatever'])(new Uint8Array(0)).whatever
  const any: Protocol = Protocol.from(chat)
  any.encode('Say', { whatever: 1 })
}
