// What the types of a Protocol know of its header's layout, and what does not compile. Nothing here runs: `npm run lint` checks it.

import type { Duplex } from 'node:stream'
import {
  connect,
  createServer,
  type Framed,
  type HeaderFields,
  headers,
  type Incoming,
  type Outgoing,
  Protocol,
  QbpConnection,
  type QbpReadable,
  QbpWritable,
  type Schema,
} from '../../lib/index.ts'
import { chat } from '../../schemas/chat.ts'

type Messages = {
  RpcMeta: {
    read: { attachmentSize: number; service: string } & Framed<'RpcMeta'>
    write: { attachmentSize?: number; service?: string } & Framed<'RpcMeta'>
    options: never
  }
  Call: { read: { text: string } & Framed<'Call'>; write: { text?: string } & Framed<'Call'>; options: '(qbp.type)' }
}
declare const rpc: Schema<Messages>

/** Compiles if both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_: Same<A, B>): void => {}
type HeaderOf<P> = Exclude<Incoming<P>, null> extends { readonly $header?: infer H } ? H : never

const writing =
  <P>(_: P) =>
  (_message: Outgoing<P>): void => {}

export function ownNumbers(): void {
  const protocol = Protocol.from(chat, { header: 'type:u16 length:u32 seq:u32' })
  same<HeaderOf<typeof protocol>, Readonly<{ seq: number }>>(true)
  const write = writing(protocol)
  write({ $name: 'Say', text: 'a', $header: { seq: 1 } })
  write({ $name: null, type: 9, body: new Uint8Array() })
  // @ts-expect-error: seq is forgotten
  write({ $name: 'Say', text: 'a' })
  // @ts-expect-error: seq is forgotten in $header
  write({ $name: 'Say', text: 'a', $header: {} })
  // @ts-expect-error: no such field of the header
  write({ $name: 'Say', text: 'a', $header: { seq: 1, sequence: 1 } })
  // @ts-expect-error: a number, not text
  write({ $name: 'Say', text: 'a', $header: { seq: '1' } })
  // @ts-expect-error: no such field of the message
  write({ $name: 'Say', txt: 'a', $header: { seq: 1 } })
}

export function defaults(): void {
  const protocol = Protocol.from(chat, {
    header: '0xcafe version:u8=3 type:u8 length(rest):varint [flag:1=1 x:7=0]:u8',
  })
  same<HeaderOf<typeof protocol>, Readonly<{ version: number; flag: number; x: number }>>(true)
  const write = writing(protocol)
  write({ $name: 'Say', text: 'a' })
  write({ $name: 'Say', $header: { version: 4 } })
  // @ts-expect-error: no such field of the header
  write({ $name: 'Say', $header: { versions: 4 } })
}

export function kinds(): void {
  const protocol = Protocol.from(chat, {
    header:
      '"A | b:u8" id:u64 [a:4 b:60]:u64le [type:2 c:30]:u32 n:zigzag length(body):dec 0x3b crc32(frame):u32 tag:bytes(4) body rest:bytes',
  })
  same<
    HeaderOf<typeof protocol>,
    Readonly<{ id: bigint; a: number; b: bigint; c: number; n: number; tag: Uint8Array; rest: Uint8Array }>
  >(true)
  const write = writing(protocol)
  write({ $name: 'Leave', $header: { id: 1n, a: 1, b: 2, c: 3, n: -1 } })
  write({ $name: 'Leave', $header: { id: 1, a: 1, b: 2n, c: 3, n: -1, tag: new Uint8Array(4) } })
  // @ts-expect-error: id is forgotten
  write({ $name: 'Leave', $header: { a: 1, b: 2, c: 3, n: -1 } })
}

export function sections(): void {
  const protocol = Protocol.from(rpc, { header: headers.brpc, message: 'Call' })
  same<
    HeaderOf<typeof protocol>,
    Readonly<{ RpcMeta: Omit<Messages['RpcMeta']['read'], '$name' | '$header'>; attachment: Uint8Array }>
  >(true)
  const write = writing(protocol)
  write({ text: 'a' })
  write({ text: 'a', $header: { RpcMeta: { service: 'Echo' }, attachment: new Uint8Array(1) } })
  // @ts-expect-error: no such field of the section
  write({ text: 'a', $header: { RpcMeta: { services: 'Echo' } } })
}

export function groups(): void {
  const protocol = Protocol.from(rpc, {
    header: 'seq:u8 length(rest):u32 length(RpcMeta):u32 {RpcMeta} (mark:u8 length:u32 body)? ( tail:bytes )?',
    message: 'Call',
  })
  const read = (message: Incoming<typeof protocol>): number => {
    const { seq, RpcMeta, mark } = message.$header
    // @ts-expect-error: it may be missing
    mark.toFixed()
    return seq + RpcMeta.attachmentSize + (mark ?? 0)
  }
  read(undefined as never)
  const write = writing(protocol)
  write({ $header: { seq: 1 } })
  write({ $header: { seq: 1, mark: 2 } })
}

export function directions(): void {
  const protocol = Protocol.from(chat, {
    header: { client: 'version:u8 | seq:u8 type:u8 length:u8', server: 'type:u8 length:u8' },
  })
  const fromClient = (_: Outgoing<typeof protocol, 'client'>): void => {}
  const fromServer = (_: Outgoing<typeof protocol, 'server'>): void => {}
  fromClient({ $name: 'Say', $header: { seq: 1 } })
  // @ts-expect-error: seq is forgotten
  fromClient({ $name: 'Say' })
  fromServer({ $name: 'Said' })
}

export function textOfNoLiteral(header: string): void {
  const protocol = Protocol.from(chat, { header })
  const write = writing(protocol)
  write({ $name: 'Say' })
  write({ $name: 'Say', $header: { anything: 1 } })
}

export function forms(): void {
  const protocol = Protocol.from(chat, {
    header: 'seq:u8 type:u8 length:u8',
    types: { Hello: { type: 1, message: 'Say' }, Voice: { type: 2, body: 'raw' }, Quiet: { type: 3, body: 'empty' } },
  })
  const write = writing(protocol)
  write({ $name: 'Hello', text: 'a', $header: { seq: 1 } })
  write({ $name: 'Voice', body: new Uint8Array(), $header: { seq: 1 } })
  write({ $name: 'Quiet', $header: { seq: 1 } })
  // @ts-expect-error: seq is forgotten
  write({ $name: 'Quiet' })
}

export async function preambles(socket: Duplex): Promise<void> {
  const protocol = Protocol.from(rpc, {
    header: {
      client: '"RPC|" version:u8 length(RpcMeta):u16 {RpcMeta} | type:u8 length:u8',
      server: 'level:u8 id:u64 | type:u8 length:u8',
    },
  })
  new QbpWritable(protocol, { role: 'client', preamble: { version: 2, RpcMeta: { service: 'Echo' } } })
  new QbpWritable(protocol, { role: 'server', preamble: { level: 1, id: 2n } })
  // @ts-expect-error: it is what the server sends
  new QbpWritable(protocol, { role: 'client', preamble: { level: 1, id: 2n } })
  // @ts-expect-error: no such field before the bar
  new QbpWritable(protocol, { role: 'server', preamble: { level: 1, id: 2n, seq: 3 } })
  // @ts-expect-error: a number, not text
  new QbpWritable(protocol, { role: 'server', preamble: { level: '1', id: 2n } })
  // @ts-expect-error: id is forgotten
  new QbpWritable(protocol, { role: 'server', preamble: { level: 1 } })
  // @ts-expect-error: no such field of the section
  new QbpWritable(protocol, { role: 'client', preamble: { version: 2, RpcMeta: { services: 'Echo' } } })

  const client = new QbpConnection(protocol, socket, { role: 'client', preamble: { version: 2 } })
  same<typeof client.reader.preamble, Readonly<{ level: number; id: bigint }> | null>(true)
  // @ts-expect-error: a client sends no level
  new QbpConnection(protocol, socket, { role: 'client', preamble: { level: 2, id: 1n } })
  await connect(protocol, { port: 1, preamble: { version: 1 } })
  // @ts-expect-error: no such field before the bar
  await connect(protocol, { port: 1, preamble: { versions: 1 } })
  createServer(protocol, { preamble: { level: 1, id: 1n } }, (reader) => {
    same<
      typeof reader.preamble,
      Readonly<{ version: number; RpcMeta: Omit<Messages['RpcMeta']['read'], '$name' | '$header'> }> | null
    >(true)
  })
  // @ts-expect-error: no such field before the bar
  createServer(protocol, { preamble: { version: 1 } }, () => {})

  const constant = Protocol.from(chat, { header: '0x29 | type:u8 length:varint' })
  new QbpWritable(constant, { preamble: {} })
  // @ts-expect-error: there is nothing but a constant
  new QbpWritable(constant, { preamble: { version: 1 } })
  const none = Protocol.from(chat)
  // @ts-expect-error: text of no literal may be anything, but the default layout has no bar
  new QbpWritable(Protocol.from(chat, { header: 'type:u8 length:u8' }), { preamble: { version: 1 } })
  new QbpWritable(none, {})

  const loaded = await Protocol.load('any.proto', { header: 'level:u8 | type:u8 length:u8' })
  new QbpWritable(loaded, { preamble: { level: 1 } })
  same<QbpReadable<typeof loaded>['preamble'], HeaderFields | null>(true)

  // As a generated module has it.
  const own = Protocol.from(withHeader)
  new QbpWritable(own, { preamble: { level: 1 } })
  // @ts-expect-error: no such field before the bar
  new QbpWritable(own, { preamble: { levels: 1 } })
}

declare const withHeader: Schema<Messages, { header: 'level:u8 | type:u8 length:u8' }>
