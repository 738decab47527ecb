import { Protocol } from '../../lib/index.ts'
import { chat } from '../../schemas/chat.ts'

/** The example's protocol in the default layout, `type:u16 length:u32`. */
export const protocol = Protocol.from(chat)

/** Bytes of hexadecimal digits; spaces are for people. */
export const hex = (digits: string): Buffer => Buffer.from(digits.replaceAll(' ', ''), 'hex')

/** Frames of the protocol and what they carry. */
export const vectors = [
  { wire: '0002 00000000', message: { $name: 'Leave' } },
  { wire: '0003 0000000a 0a0468616c6c 12026869', message: { $name: 'Say', room: 'hall', text: 'hi' } },
  {
    wire: '0007 00000010 0a0161 120162 1a0163 2080d095ffbc31',
    message: { $name: 'Said', room: 'a', name: 'b', text: 'c', at: 1_700_000_000_000n },
  },
  {
    wire: '0004 00000015 0a0468616c6c 1203616e6e 1203626f62 1a03 0a0178',
    message: { $name: 'Welcome', room: 'hall', members: ['ann', 'bob'], history: [{ room: 'x' }] },
  },
  { wire: '0008 00000002 0801', message: { $name: 'Refused', reason: 1 } },
] as const

/** All vectors behind one another. */
export const conversation = Buffer.concat(vectors.map(({ wire }) => hex(wire)))
