import { expect } from 'chai'
import { MessageReader } from '../../lib/framing/message-reader.ts'
import { WITHOUT_LIMITS } from '../../lib/framing/without-limits.ts'
import type { QbpError } from '../../lib/index.ts'
import { reflectedProtocol, rootOf } from '../support/reflected.ts'

const SCHEMA = `syntax = "proto3"; package t;
  message Inner { string text = 1; }
  message M { string text = 1; int64 big = 2; Inner inner = 3; }`

describe('A codec that cannot be compiled', () => {
  const { Function: own } = globalThis
  const restore = () => {
    globalThis.Function = own
  }
  afterEach(restore)
  const forbid = () => {
    // Bun makes `Function(…)` of `new Function(…)`: no class.
    globalThis.Function = function Forbidden() {
      throw new EvalError('Code generation from strings disallowed for this context')
    } as never
  }
  const fault = (act: () => unknown): QbpError => {
    try {
      act()
    } catch (error) {
      return error as QbpError
    }
    throw new Error('nothing was thrown')
  }

  it('is no fault of a body or a message, whatever the policy', () => {
    for (const invalid of ['error', 'skip', 'raw'] as const) {
      const root = rootOf(SCHEMA)
      const protocol = reflectedProtocol(root, { header: 'length:varint', message: 'M', package: 't', invalid })
      forbid()
      const body = Buffer.from('0a0161', 'hex')
      expect(fault(() => protocol.decode('M', body)).code).to.equal('ERR_QBP_NO_CODEGEN')
      expect(fault(() => protocol.encode('M', { text: 'a' })).code).to.equal('ERR_QBP_NO_CODEGEN')
      expect(fault(() => protocol.encode('M', { big: '5' })).code).to.equal('ERR_QBP_NO_CODEGEN')
      const reader = new MessageReader({
        ...WITHOUT_LIMITS,
        header: protocol.header,
        table: protocol.table('client', 'incoming'),
        unknown: 'skip',
        invalid,
      })
      reader.frames.feed(Buffer.from('030a0161', 'hex'))
      const taken = fault(() => reader.take())
      expect([taken.code, taken.offset, reader.skipped.invalid]).to.deep.equal(['ERR_QBP_NO_CODEGEN', 0, 0])
      restore()
      expect(protocol.decode('M', body).text).to.equal('a')
      forbid() // Of a message within it, met later.
      expect(fault(() => protocol.decode('M', Buffer.from('1a030a0161', 'hex'))).code).to.equal('ERR_QBP_NO_CODEGEN')
      restore()
      expect(protocol.decode('M', Buffer.from('1a030a0161', 'hex')).inner.text).to.equal('a')
    }
  })
})
