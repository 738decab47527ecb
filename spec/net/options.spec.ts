import { expect } from 'chai'
import { connect, connections, createServer, Group, QbpConnection } from '../../lib/index.ts'
import { connectionPair, duplexPair, ScriptedPeer } from '../../lib/testing/index.ts'
import { protocol } from '../support/chat.ts'
import { rejection } from '../support/rejection.ts'

const heartbeat = { message: { $name: 'Leave' }, intervalMs: 5, timeoutMS: 5 }

describe('an option of a name that is none', () => {
  const takers: [what: string, take: () => unknown, option: string, meant: string][] = [
    [
      'createServer',
      () => createServer(protocol, { maxQueueBytes: 5 } as never, () => {}),
      'maxQueueBytes',
      'maxQueuedBytes',
    ],
    [
      'createServer',
      () => createServer(protocol, { idleTimeout: 5 } as never, () => {}),
      'idleTimeout',
      'idleTimeoutMs',
    ],
    [
      'createServer',
      () => createServer(protocol, { maxConnection: 5 } as never, () => {}),
      'maxConnection',
      'maxConnections',
    ],
    [
      'QbpConnection',
      () => new QbpConnection(protocol, duplexPair()[0], { lingerMS: 5 } as never),
      'lingerMS',
      'lingerMs',
    ],
    [
      'a heartbeat',
      () => new QbpConnection(protocol, duplexPair()[0], { heartbeat } as never),
      'timeoutMS',
      'timeoutMs',
    ],
    ['close', () => connectionPair(protocol).client.close({ grace: 5 } as never), 'grace', 'graceMs'],
    ["a server's close", () => createServer(protocol, () => {}).close({ graceMS: 5 } as never), 'graceMS', 'graceMs'],
    ['attach', () => createServer(protocol, () => {}).attach(duplexPair()[0], { tsl: false } as never), 'tsl', 'tls'],
    ['connections', () => connections(protocol, { port: 1, maxDelay: 5 } as never), 'maxDelay', 'maxDelayMs'],
    ['Group', () => new Group({ slowly: 'skip' } as never), 'slowly', 'slow'],
    ['broadcast', () => new Group().broadcast({} as never, { expect: null } as never), 'expect', 'except'],
    ['duplexPair', () => duplexPair({ latency: 5 } as never), 'latency', 'latencyMs'],
    ['connectionPair', () => connectionPair(protocol, { sliceByte: 5 } as never), 'sliceByte', 'sliceBytes'],
    [
      'ScriptedPeer',
      () => new ScriptedPeer(protocol, 'client', { idleTimeout: 5 } as never),
      'idleTimeout',
      'idleTimeoutMs',
    ],
  ]
  for (const [what, take, option, meant] of takers) {
    it(`is refused by ${what}, which says what was meant: ${option}`, () => {
      expect(take)
        .to.throw(`no option ${option}: did you mean ${meant}?`)
        .that.includes({ code: 'ERR_QBP_BAD_OPTION', option })
    })
  }

  it('is refused by connect, before a byte is sent', async () => {
    const fault = await rejection(connect(protocol, { port: 1, connectTimeout: 5 } as never))
    expect(fault).to.include({ code: 'ERR_QBP_BAD_OPTION', option: 'connectTimeout' })
  })
})
