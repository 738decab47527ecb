import { expect } from 'chai'
import { withBacklog } from '../../lib/net/listener.ts'

const done = (): void => {}

describe('withBacklog', () => {
  const rows: [args: unknown[], expected: unknown[]][] = [
    [[], [{ port: 0, backlog: 4_096 }]],
    [[done], [{ port: 0, backlog: 4_096 }, done]],
    [[7000], [{ port: 7000, backlog: 4_096 }]],
    [
      [7000, '127.0.0.1', done],
      [{ port: 7000, backlog: 4_096, host: '127.0.0.1' }, done],
    ],
    [[7000, '::1', 5], [{ port: 7000, backlog: 5, host: '::1' }]],
    [
      [7000, undefined, 5, done],
      [{ port: 7000, backlog: 5 }, done],
    ],
    [[undefined, '::1'], [{ port: 0, backlog: 4_096, host: '::1' }]],
    [['7000'], [{ port: 7000, backlog: 4_096 }]],
    [['/tmp/socket'], [{ path: '/tmp/socket', backlog: 4_096 }]],
    [
      ['/tmp/socket', 7, done],
      [{ path: '/tmp/socket', backlog: 7 }, done],
    ],
    [
      [{ port: 1 }, done],
      [{ port: 1, backlog: 4_096 }, done],
    ],
    [[{ path: '/tmp/socket', backlog: 9 }], [{ path: '/tmp/socket', backlog: 9 }]],
  ]
  for (const [args, expected] of rows) {
    const shown = args.map((each) => (typeof each === 'function' ? 'callback' : JSON.stringify(each))).join(', ')
    it(`reads listen(${shown}) as net.Server does, and adds what it lacks`, () => {
      expect(withBacklog(args)).to.deep.equal(expected)
    })
  }
})
