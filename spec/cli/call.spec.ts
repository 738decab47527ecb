import { once } from 'node:events'
import type net from 'node:net'
import { join } from 'node:path'
import { expect } from 'chai'
import { run as callVerb } from '../../lib/cli/verbs/call.ts'
import { run as decode } from '../../lib/cli/verbs/decode.ts'
import { run as tap } from '../../lib/cli/verbs/tap.ts'
import { CallError, createServer, headers, Protocol, type QbpServer } from '../../lib/index.ts'
import { begin, type CliResult } from '../support/cli.ts'
import { temporaryFolder } from '../support/languages.ts'

type Fields = Record<string, unknown>

describe('qbp call', () => {
  const servers: QbpServer<Protocol>[] = []
  const addresses: Record<string, string> = {}
  const schema = ['-s', 'spec/calls/accounts.proto', '-I', 'schemas']

  before(async () => {
    for (const dialect of ['qbp', 'ttrpc'] as const) {
      const protocol = await Protocol.load('spec/calls/accounts.proto', {
        includeDirs: ['schemas'],
        calls: dialect === 'qbp' ? true : 'ttrpc',
        ...(dialect === 'ttrpc' && { header: headers.ttrpc, types: {} }),
      })
      const server = createServer(protocol, (_reader, _writer, connection) =>
        connection.serve('Accounts', {
          open({ name }: Fields, { metadata }: { metadata: Fields }) {
            if (name === '') throw new CallError('INVALID_ARGUMENT', 'a name is needed\u001b[31m')
            return { id: 7n, name: metadata.who ?? name }
          },
          async *watch({ id }: Fields) {
            for (let balance = 1; balance <= Number(id); balance++) yield { balance }
          },
          async deposit(updates: AsyncIterable<Fields>) {
            let sum = 0
            for await (const { balance } of updates) sum += Number(balance)
            return { id: BigInt(sum) }
          },
          async *trade(updates: AsyncIterable<Fields>) {
            for await (const { balance } of updates) yield { balance: -Number(balance) }
          },
        } as never),
      )
      server.on('clientError', () => {})
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      servers.push(server as unknown as QbpServer<Protocol>)
      addresses[dialect] = `127.0.0.1:${(server.address() as net.AddressInfo).port}`
    }
  })
  after(async () => {
    for (const server of servers) await server.close({ graceMs: 50 })
  })

  for (const dialect of ['qbp', 'ttrpc']) {
    const call = async (args: string[], input = ''): Promise<CliResult> => {
      const run = begin(callVerb, [addresses[dialect] as string, ...args, ...schema, '--dialect', dialect])
      run.stdin.end(input)
      return run.ended
    }

    describe(`in ${dialect}`, () => {
      it('prints the answer to a request', async () => {
        const answer = { code: 0, stdout: '{"id":"7","name":"ann"}\n', stderr: '' }
        expect(await call(['Accounts/Open', '{name: "ann"}'])).to.deep.include(answer)
        expect(await call(['/accounts.Accounts/Open', '{"name": "ann"}'])).to.deep.include(answer)
        const metadata = ['--metadata', 'who=bob=1', '--timeout', '5000']
        expect((await call(['Accounts/Open', '{name: "ann"}', ...metadata])).stdout).to.include('"name":"bob=1"')
      })

      it('prints answers of a stream, a line each', async () => {
        expect(await call(['Accounts/Watch', '{id: 3}'])).to.deep.include({
          code: 0,
          stdout: '{"balance":1}\n{"balance":2}\n{"balance":3}\n',
          stderr: '',
        })
      })

      it('takes requests of a stream, from its arguments or its input', async () => {
        const deposit = { code: 0, stdout: '{"id":"5"}\n', stderr: '' }
        expect(await call(['Accounts/Deposit', '{balance: 2}', '{balance: 3}'])).to.deep.include(deposit)
        expect(await call(['Accounts/Deposit'], '{"balance":2}\n\n{"balance":3}')).to.deep.include(deposit)
        expect((await call(['Accounts/Deposit'])).stdout).to.equal('{}\n')
      })

      it('answers lines as they come', async () => {
        const run = begin(callVerb, [addresses[dialect] as string, 'Accounts/Trade', ...schema, '--dialect', dialect])
        for (const balance of [4, 5]) {
          run.stdin.write(`{"balance":${balance}}\n`)
          await run.printed(new RegExp(`"balance":-${balance}`))
        }
        run.stdin.end()
        expect((await run.ended).code).to.equal(0)
      })

      it('is paired by a tap: method, status and time', async () => {
        const file = join(temporaryFolder(), 'calls.tap')
        const where = ['127.0.0.1:0', addresses[dialect] as string, '--record', file]
        const run = begin(tap, [...where, ...schema, '--dialect', dialect])
        while (!/Listening/.test(run.stderr())) await new Promise((resolve) => setTimeout(resolve, 10))
        const address = `127.0.0.1:${/at 127.0.0.1:(\d+)/.exec(run.stderr())?.[1]}`
        for (const args of [
          ['Accounts/Open', '{name: "ann"}'],
          ['Accounts/Open'],
          ['Accounts/Watch', '{id: 2}'],
          ['Accounts/Deposit', '{balance: 2}', '{balance: 3}'],
        ])
          await begin(callVerb, [address, ...args, ...schema, '--dialect', dialect]).ended
        await run.printed(/Deposit \{id: "5"\} OK/)
        run.interrupt()
        const { stdout } = await run.ended
        const decoded = await begin(decode, [file, ...schema, '--dialect', dialect]).ended
        const calls = decoded.stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line).call]))
        const method = 'accounts.Accounts/Open'
        expect(calls[0]).to.deep.equal({ id: 1, method, message: { name: 'ann' } })
        expect(calls[1]).to.deep.include({ id: 1, method, message: { id: '7', name: 'ann' }, status: 'OK' })
        const lines = stdout.split('\n').filter((line) => / call \d/.test(line))
        const text = lines.map((line) =>
          line
            .replace(/^\S+ #\d+ /, '')
            .replace(/ [\d.]+ ms/, ' MS')
            .replace(/ {2}\d.*/, ''),
        )
        const accounts = 'accounts.Accounts'
        expect(text.slice(0, 3)).to.deep.equal([
          `→ call 1 ${accounts}/Open {name: "ann"}`,
          `← call 1 ${accounts}/Open {id: "7", name: "ann"} OK MS`,
          `→ call 1 ${accounts}/Open {}`,
        ])
        expect(text[3]).to.match(/^← call 1 accounts.Accounts\/Open .* INVALID_ARGUMENT MS$/)
        expect(text.slice(4).join('\n')).to.match(
          /^→ call 1 accounts.Accounts\/Watch \{id: "2"\}\n[\s\S]*← call 1 accounts.Accounts\/Watch \{balance: 1\} MS\n← call 1 accounts.Accounts\/Watch \{balance: 2\} MS\n← call 1 accounts.Accounts\/Watch .*OK MS\n/,
        )
      })

      it('ends with 1, the code and the text of a call that fails', async () => {
        for (const [args, input, error] of [
          [['Accounts/Open'], '', /^qbp call: INVALID_ARGUMENT: a name is needed\\u001b\[31m\n$/],
          [['Accounts/Close'], '', /^qbp call: UNIMPLEMENTED: .*\n$/],
          [['Accounts/Open', '{nme: 1}'], '', /nme is no field of OpenRequest/],
          [['Accounts/Open', '{'], '', /the request does not read/],
          [['Accounts/Trade'], '{"balance":"x"}', /^qbp call: line 1: balance is "x"/],
        ] as [string[], string, RegExp][]) {
          const { code, stderr } = await call(args, input)
          expect(stderr).to.match(error)
          expect(stderr.trim().split('\n')).to.have.lengthOf(1)
          expect(code).to.equal(1)
        }
      })
    })
  }

  it('ends with 2 where it is not used right', async () => {
    for (const [args, error] of [
      [[], /no address is given/],
      [['a:1', ...schema], /no method is given: there are Accounts\/Open, .*Accounts\/Close/],
      [['a:1', 'Accounts/Opne', ...schema], /there is no method 'Accounts\/Opne'; did you mean Accounts\/Open\?/],
      [['a:1', 'Accounts/Open', '{}', '{}', ...schema], /'\{\}' is a second request/],
      [['a:1', 'Accounts/Open', '--metadata', 'x', ...schema], /NAME=VALUE/],
      [['a:1', 'Accounts/Open'], /no schema is given/],
      [['a:1', 'Accounts/Open', '--dialect', 'grpc', ...schema], /--dialect is 'grpc'; it may be qbp or ttrpc/],
    ] as [string[], RegExp][]) {
      const { code, stderr } = await begin(callVerb, args).ended
      expect(stderr).to.match(error)
      expect(code, args.join(' ')).to.equal(2)
    }
  })

  it('says that nobody listens, and gives up in time', async () => {
    const nobody = await begin(callVerb, ['127.0.0.1:1', 'Accounts/Open', ...schema]).ended
    expect(nobody.code).to.equal(1)
    expect(nobody.stderr).to.match(/ECONNREFUSED/)
    const run = begin(callVerb, [addresses.qbp as string, 'Accounts/Deposit', ...schema, '--timeout', '300'])
    expect(await run.ended).to.include({ code: 1 })
    expect(run.stderr()).to.match(/^qbp call: DEADLINE_EXCEEDED: .*\n$/)
  })
})
