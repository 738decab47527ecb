import type { Incoming, Outgoing } from '../protocol/message-types.ts'
import { Protocol } from '../protocol/protocol.ts'
import { window as schema } from './messages.ts'

/** What the window and its page speak: window.proto, in the default layout. */
export const language = Protocol.from(schema)

/** What the window may say. */
export type Said = Outgoing<typeof language, 'server'>
/** What comes to the page. */
export type Heard = Incoming<typeof language, 'client'>
