import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { complete } from '../../lib/cli/terminal/completion.ts'
import { run as listen } from '../../lib/cli/verbs/listen.ts'
import { run as send } from '../../lib/cli/verbs/send.ts'
import { Protocol } from '../../lib/index.ts'
import { certificates } from '../support/certificates.ts'
import { begin, type CliRun, cli, withoutEscapes } from '../support/cli.ts'

const chat = ['--schema', 'schemas/chat.proto']
describe('qbp send and qbp listen', () => {
  let folder: string
  const running: CliRun[] = []
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'qbp-send-'))
  })
  after(() => rmSync(folder, { recursive: true }))
  afterEach(async () => {
    for (const run of running.splice(0)) {
      run.interrupt()
      await run.ended
    }
  })
  const file = (name: string, content: string) => {
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  }

  /** A `qbp listen`, once it listens, and its address. */
  async function listening(...args: string[]): Promise<CliRun & { address: string }> {
    const run = begin(listen, [
      args[0]?.startsWith('unix:') ? (args.shift() as string) : '127.0.0.1:0',
      ...chat,
      ...args,
    ])
    running.push(run)
    for (;;) {
      const [, address] = /Listening at (.*)\.\n/.exec(run.stderr()) ?? []
      if (address !== undefined) return { ...run, address: address.startsWith('/') ? `unix:${address}` : address }
      if ((await Promise.race([run.ended, new Promise((resolve) => setTimeout(resolve, 5))])) !== undefined)
        throw new Error(run.stderr())
    }
  }

  it('print what arrives, and its echo', async () => {
    const server = await listening('--echo', '--once')
    const { code, stdout, stderr } = await cli(send, [
      server.address,
      'Say {text: "hi", room: \'a\'}',
      'Leave',
      ...chat,
      '--replies',
      '2',
    ])
    expect([code, stderr, stdout]).to.deep.equal([0, '', 'Say {room: "a", text: "hi"}\nLeave {}\n'])
    expect((await server.ended).code).to.equal(0)
    const lines = server
      .stdout()
      .replaceAll(/^\S+ #1 /gm, '')
      .replaceAll(/ {2}\+.*/g, '')
      .split('\n')
    expect(lines[0]).to.match(/^→ open 127\.0\.0\.1:\d+$/)
    expect(lines.slice(1)).to.deep.equal([
      '→ Say {room: "a", text: "hi"}  13 B',
      '→ Leave {}  6 B',
      '← Say {room: "a", text: "hi"}  13 B',
      '← Leave {}  6 B',
      '→ close',
      '',
    ])
  })

  it('answer from a file, with fields of what arrived', async () => {
    const answers = file(
      'answers',
      '# canned\nopen -> Joined {name: "you"}\nSay -> Said {room: "$room", text: "$text", at: "7"}\nSay -> Left\n* -> Refused {reason: "UNKNOWN", text: "$$5"}\n',
    )
    const server = await listening('--answer', answers, '--json')
    const { stdout } = await cli(send, [
      server.address,
      'Say {text: "hi"}',
      'Leave',
      ...chat,
      '--replies',
      '4',
      '--json',
    ])
    const replies = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(replies.map(({ name, message }) => [name, message])).to.deep.equal([
      ['Joined', { name: 'you' }],
      ['Said', { text: 'hi', at: '7' }],
      ['Left', {}],
      ['Refused', { text: '$5' }],
    ])
  })

  it('read messages from standard input, and name a line that does not fit', async () => {
    const server = await listening('--echo')
    const good = await cli(
      send,
      [server.address, ...chat, '--wait', '100'],
      'Say {text: "a"}\n\n{name: "Say", message: {text: "b"}}\n',
    )
    expect(good).to.include({ code: 0, stdout: 'Say {text: "a"}\nSay {text: "b"}\n' })
    const bad = await cli(send, [server.address, ...chat], 'Say {text: "a"}\nSay {text: 5}\n')
    expect(bad.code).to.equal(1)
    expect(bad.stderr).to.match(/^qbp send: line 2: text is 5, not a string/)
  })

  it('end at a message that is refused, wherever it was given', async () => {
    const server = await listening('--echo')
    for (const [args, input] of [
      [['Say {text: 5}'], ''],
      [['Leave', 'Say {text: 5}'], ''],
      [['Leave {room: {}}'], ''],
      [[], 'Say {text: 5}\n'],
      [[], 'Leave\n{}\n'],
    ] as const) {
      const { code, stderr } = await cli(send, [server.address, ...args, ...chat], input)
      expect(code, stderr).to.equal(1)
    }
  })

  it('count the replies that were asked for', async () => {
    const server = await listening('--echo')
    const few = await cli(send, [server.address, 'Leave', 'Leave', ...chat, '--replies', '9', '--wait', '100'])
    expect(few.code).to.equal(1)
    expect(few.stderr).to.equal('qbp send: 2 of 9 replies came.\n')
    const none = await cli(send, [server.address, ...chat, '--replies', '1', '--wait', '50'])
    expect(none.stderr).to.equal('qbp send: 0 of 1 replies came.\n')
  })

  it('print a reply that has no JSON as its body, as a line and for people', async () => {
    const server = net.createServer((socket) => socket.end(Buffer.from('000000095a07088083d1ffaf07', 'hex')))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = `127.0.0.1:${(server.address() as net.AddressInfo).port}`
    const args = [address, '{}', '--schema', 'spec/protos/wellknown.proto', '--header', 'castv2', '--message', 'All']
    const { stdout } = await cli(send, [...args, '--json'])
    expect(JSON.parse(stdout)).to.include({ name: 'All', length: 9, body: 'WgcIgIPR/68H' }).and.have.property('error')
    expect((await cli(send, args)).stdout).to.match(/^All .*years/)
    server.close()
  })

  it('take names in full, in messages and in answers', async () => {
    const server = await listening('--answer', file('full', 'chat.Leave -> chat.Left {name: "ann"}\n'))
    const { stdout } = await cli(send, [server.address, 'chat.Leave', ...chat, '--replies', '1'])
    expect(stdout).to.equal('Left {name: "ann"}\n')
  })

  it('let no peer move the terminal', async () => {
    const server = await listening('--echo', '--json')
    const nasty = 'a\u009b31m\u202e\u200b\u007f'
    const { stdout } = await cli(send, [
      server.address,
      `Say ${JSON.stringify({ text: nasty })}`,
      ...chat,
      '--replies',
      '1',
    ])
    expect(stdout).to.match(/^[\x20-\x7e]*\n$/)
    expect(server.stdout()).to.match(/^[\x20-\x7e\n]*$/)
  })

  it('ask for a certificate where TLS is to be listened with, and for its key', async () => {
    const wrong = async (...args: string[]) => {
      const { code, stderr } = await cli(listen, ['127.0.0.1:0', ...chat, ...args])
      return `${code} ${stderr.split('\n')[0]}`
    }
    expect(await wrong('--tls')).to.equal('2 qbp listen: --tls needs --cert FILE and --key FILE.')
    expect(await wrong('--tls', '--cert', 'a.pem')).to.equal('2 qbp listen: --cert and --key go together.')
    expect(await wrong('--tls', '--key', 'a.pem')).to.equal('2 qbp listen: --cert and --key go together.')
    expect(await wrong('--cert', 'a.pem')).to.match(/^2 .*need --tls/)
    const pem = file('none.pem', 'no certificate')
    expect(await wrong('--tls', '--cert', pem, '--key', pem)).to.match(
      /^1 qbp listen: .*none\.pem: no PEM of a certificate/,
    )
    expect(await wrong('--tls', '--cert', '/none', '--key', '/none')).to.equal(
      '1 qbp listen: /none: cannot be read (ENOENT).',
    )
  })

  it('speak over Unix sockets and TLS', async () => {
    const unix = await listening(`unix:${join(folder, 'socket')}`, '--echo')
    expect((await cli(send, [unix.address, 'Leave', ...chat, '--replies', '1'])).stdout).to.equal('Leave {}\n')
    const { ca, server: identity } = await certificates()
    const files = ['--tls', '--cert', file('cert.pem', identity.cert), '--key', file('key.pem', identity.key)]
    const server = await listening('--echo', ...files)
    const args = [server.address, 'Leave', ...chat, '--replies', '1', '--tls']
    expect((await cli(send, [...args, '--insecure'])).stdout).to.equal('Leave {}\n')
    expect((await cli(send, [...args, '--ca', file('ca.pem', ca)])).stdout).to.equal('Leave {}\n')
    const refused = await cli(send, args)
    expect(refused.code).to.equal(1)
    expect(refused.stderr).to.match(/^qbp send: .*certificate/)
  })

  it('end with exit code 1 where nobody listens, at a reset, and at a wrong header', async () => {
    const server = net.createServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', (chunk) => (chunk[1] === 2 ? socket.resetAndDestroy() : socket.end(Buffer.alloc(6, 0xff))))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = `127.0.0.1:${(server.address() as net.AddressInfo).port}`
    const reset = await cli(send, [address, 'Leave', ...chat])
    expect(reset.code).to.equal(1)
    expect(reset.stderr).to.include('ECONNRESET')
    const wrong = await cli(send, [address, 'Say', ...chat])
    expect(wrong.code).to.equal(1)
    expect(wrong.stderr).to.match(/A body of 4294967295 bytes is announced/)
    server.close()
    const nobody = await cli(send, [address, 'Say', ...chat])
    expect(nobody.code).to.equal(1)
    expect(nobody.stderr).to.include('ECONNREFUSED')
  })

  it('answer wrong use with exit code 2, and a wrong message or file with 1', async () => {
    for (const args of [[], ['nowhere'], ['7000', '--wait', 'long', ...chat], ['7000', '--ca', 'x', ...chat]])
      expect((await cli(send, args)).code, args.join(' ')).to.equal(2)
    for (const args of [
      ['7000', '7001'],
      ['7000', '--echo', '--answer', 'x', ...chat],
    ])
      expect((await cli(listen, args)).code, args.join(' ')).to.equal(2)
    for (const text of ['Sat {}', 'Say {', 'Say {tect: 1}', '!'])
      expect((await cli(send, ['1', text, ...chat])).code, text).to.equal(1)
    const unanswered = await cli(listen, ['0', '--answer', file('bad', 'Say -> Said\nSay => Said'), ...chat])
    expect(unanswered.code).to.equal(1)
    expect(unanswered.stderr).to.match(/bad: line 2: it is no answer/)
    for (const verb of [send, listen]) expect((await cli(verb, ['--help'])).stdout).to.include('Example:')
  })

  describe('at a prompt', () => {
    it('send what is typed, print replies above it, and end at Ctrl-D', async () => {
      const server = await listening('--echo')
      const prompt = begin(send, [server.address, ...chat], { tty: true, env: { NO_COLOR: '1' } })
      await prompt.printed(/> /)
      prompt.stdin.write('Say {text: "hi"}\r')
      await prompt.printed(/(> Say \{text: "hi"\}\n){2}/)
      prompt.stdin.write('Say {tect: 1}\r')
      await prompt.printed(/tect is no field of Say, which has room, text/)
      prompt.stdin.write('? Refused\r')
      await prompt.printed(/Refused \{reason: chat\.Refused\.Reason, text: string, room: string\}/)
      prompt.stdin.write('Lea\t')
      await prompt.printed(/Leave \{/)
      prompt.stdin.write('ro\t')
      await prompt.printed(/Leave \{room: /)
      prompt.stdin.write('"a"}\r')
      await prompt.printed(/> Leave \{room: "a"\}\n> $/)
      prompt.stdin.write('\x04')
      expect((await prompt.ended).code).to.equal(0)
      expect(prompt.stdout()).not.to.match(/\[3\dm/)
    })

    it('end with 130 at Ctrl-C, and by themselves when the server has gone', async () => {
      const server = await listening('--echo')
      const prompt = begin(send, [server.address, ...chat], { tty: true })
      await prompt.printed(/> /)
      prompt.stdin.write('\x03')
      expect((await prompt.ended).code).to.equal(130)
      const other = begin(send, [server.address, ...chat], { tty: true })
      await other.printed(/> /)
      server.interrupt()
      expect((await other.ended).code).to.equal(0)
      expect(withoutEscapes(other.stdout())).to.match(/> \n$/)
    })
  })

  describe('completion', () => {
    const completed: [text: string, candidates: string[], start: string][] = [
      ['Sa', ['Say {', 'Said {'], 'Sa'],
      ['Refused {', ['reason: ', 'text: ', 'room: '], ''],
      ['Refused {re', ['reason: '], 're'],
      ['Refused {reason: "NO', ['"NOT_IN_ROOM"', '"NOT_ACCEPTABLE"'], '"NO'],
      ['Welcome {history: [', ['{'], ''],
      ['Refused {reason: "NA', ['"NAME_TAKEN"'], '"NA'],
      ['Refused {reason: "UNKNOWN", t', ['text: '], 't'],
      ['Welcome {history: [{te', ['text: '], 'te'],
      ['Welcome {history: [{text: "{"}, {n', ['name: '], 'n'],
      ['Welcome {history: [{}], ro', ['room: '], 'ro'],
      ['Welcome {history: ', ['{'], ''],
      ['Nope {', [], ''],
    ]
    for (const [text, candidates, start] of completed) {
      it(`goes on from ${text}`, async () => {
        const protocol = await Protocol.load('schemas/chat.proto')
        expect(complete(protocol, 'client', text)).to.deep.equal([candidates, start])
      })
    }
  })
})
