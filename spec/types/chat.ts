// What a user of a generated module may write, and what does not compile. Nothing here runs: `npm run lint` and the spec
// of `qbp generate` check the types.

import type { MessageMap, Schema } from '../../lib/index.ts'
import { chat, type Join, type JoinInit, Refused } from '../../schemas/chat.ts'

/** As a Protocol takes its types from a schema. */
interface Peer<M extends MessageMap> {
  read(): M[keyof M]['read']
  write(message: M[keyof M]['write']): void
}
declare function peerOf<M extends MessageMap>(schema: Schema<M>): Peer<M>

export function refusedByTheCompiler(): void {
  const peer = peerOf(chat)
  peer.write({ $name: 'Say', room: 'hall', text: 'hello' })
  peer.write({ $name: 'Say' })
  peer.write({ $name: 'Said', at: 7n, text: null })
  peer.write({ $name: 'Said', at: '7', text: undefined })
  peer.write({ $name: 'Refused', reason: 'NAME_TAKEN' })
  peer.write({ $name: 'Refused', reason: Refused.Reason.NOT_IN_ROOM })
  peer.write({ $name: 'Welcome', members: ['ann'], history: [{ room: 'hall', at: 1 }] })

  // @ts-expect-error: no such field
  peer.write({ $name: 'Say', txt: 'hello' })
  // @ts-expect-error: a field of another message
  peer.write({ $name: 'Say', members: [] })
  // @ts-expect-error: not a text
  peer.write({ $name: 'Say', text: 5 })
  // @ts-expect-error: no such message
  peer.write({ $name: 'Shout', text: 'hello' })
  // @ts-expect-error: no name
  peer.write({ text: 'hello' })
  // @ts-expect-error: no such reason
  peer.write({ $name: 'Refused', reason: 'BORED' })
  // @ts-expect-error: no such field further in
  peer.write({ $name: 'Welcome', history: [{ rom: 'hall' }] })

  const message = peer.read()
  // What is read may be written, as a whole or as a part of another message.
  peer.write(message)
  if (message.$name === 'Said') peer.write({ $name: 'Welcome', history: [message] })
  const init: JoinInit = {} as Join
  const join: Join = message.$name === 'Join' ? message : { room: init.room ?? '', name: '' }
  peer.write({ ...join, $name: 'Join' })
}

/** Every message has its case: a new one in the .proto would stop the compiler here. */
export function everyCase(): string | bigint {
  const message = peerOf(chat).read()
  switch (message.$name) {
    case 'Join':
    case 'Joined':
    case 'Left':
      return message.name
    case 'Leave':
    case 'Resume':
    case 'Say':
      return message.room
    case 'Welcome':
      return message.history[0]?.at ?? 0n
    case 'Said':
      return message.at
    case 'Refused':
      switch (message.reason) {
        case Refused.Reason.NAME_TAKEN:
          return message.text
        default:
          return String(message.reason)
      }
    default: {
      const never: never = message
      return never
    }
  }
}

export function missingCase(): string {
  const message = peerOf(chat).read()
  switch (message.$name) {
    case 'Join':
      // @ts-expect-error: a field of another message
      return message.text
    // @ts-expect-error: no such message
    case 'Shout':
      return ''
    default: {
      // @ts-expect-error: the other messages have no case
      const never: never = message
      return never
    }
  }
}
