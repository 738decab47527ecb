import { join } from 'node:path'
import { expect } from 'chai'
import protobuf from 'protobufjs'
import { CallError } from '../../lib/calls/call-error.ts'
import { MessageWriter } from '../../lib/framing/message-writer.ts'
import type { Description } from '../../lib/index.ts'
import { Protocol } from '../../lib/index.ts'
import { QBP_CALLS } from '../../lib/protocol/call-schemas.ts'
import { describeSource } from '../../lib/protocol/schema/load.ts'
import { reflectedProtocol } from '../support/reflected.ts'
import { type CallEnd, callPair, loadAccounts, rejection, turns } from './support.ts'

describe('the parts of calls in Qbp’s own dialect', () => {
  it('are the messages of schemas/qbp/calls.proto', async () => {
    const file = join(__dirname, '../../schemas/qbp/calls.proto')
    const { description } = await describeSource(file, { includeDirs: ['schemas'] })
    // protobufjs's own copy of any.proto keeps its case.
    const names = (of: Description, message: string) =>
      of.messages[message]?.fields.map(({ protoName: _, jsonName: __, ...field }) => ({
        ...field,
        name: field.name.replace('type_url', 'typeUrl'),
      }))
    for (const name of Object.keys(QBP_CALLS.messages))
      expect(names(QBP_CALLS, name), name).to.deep.equal(names(description, name))
    expect(QBP_CALLS.enums).to.deep.equal(description.enums)
  })

  describe('are written as ordinary messages are', () => {
    let protocol: Protocol
    let caller: CallEnd
    let callee: CallEnd
    before(async () => {
      protocol = await loadAccounts()
    })
    beforeEach(() => {
      ;({ caller, callee } = callPair(protocol))
    })

    it('of any length, with metadata and details', async () => {
      const details = [
        { typeUrl: 'x/y', value: Buffer.from('0102', 'hex') },
        { typeUrl: 'é', value: Buffer.alloc(300, 1) },
      ]
      callee.serve({
        open: ({ name }) => {
          if (name !== '') return { name: name.repeat(2), id: -1n }
          throw new CallError('NOT_FOUND', 'w\u00e9g', { details, metadata: { a: 'b', long: 'y'.repeat(200) } })
        },
        watch: () => [{ balance: -1 }, {}],
      })
      const client = caller.client()
      for (const length of [1, 42, 43, 100, 127, 128, 129, 16_383, 16_384, 70_000])
        await client.open({ name: 'n'.repeat(length) }, { metadata: { k: 'v'.repeat(length % 300), é: '' } })
      await rejection(client.open({}))
      for await (const _ of client.watch({ id: 5n }));
      const writer = new MessageWriter(protocol.header, protocol.sent.client, 2 ** 20)
      // What the ordinary codec reads of them, and writes again, is the same to the byte.
      for (const end of [caller, callee])
        expect(end.messages.map((message) => Buffer.from(writer.frame(message)).toString('hex'))).to.deep.equal(
          end.received,
        )
      expect(caller.messages.find(({ code }) => code === 5)).to.deep.include({ message: 'w\u00e9g' })
    })

    it('and read so, whatever the order of their fields, unknown ones left out', async () => {
      callee.serve({ open: ({ name }) => ({ name }) })
      const method = Buffer.from('accounts.Accounts/Open').toString('hex')
      // body, an unknown text and a group, method, id.
      const body = `7a05 0a03616e6e  a20101ff  b301 0801 b401  1a16${method}  0805`.replaceAll(' ', '')
      callee.arrive(
        Buffer.from(`00f0 ${(body.length / 2).toString(16).padStart(8, '0')} ${body}`.replaceAll(' ', ''), 'hex'),
      )
      await turns()
      expect(caller.messages).to.have.lengthOf(1)
      expect(caller.messages[0]).to.deep.include({ id: 5, body: Buffer.from('1203616e6e', 'hex') })
    })

    it('and read by a step of a later version as one that says nothing', async () => {
      let asked = 0
      callee.serve({ deposit: (updates) => updates.next().then(() => ({ id: ++asked })) })
      const deposit = caller.client().deposit([])
      callee.arrive(Buffer.from('00f000000004 0801 1063'.replaceAll(' ', ''), 'hex'))
      await deposit
      expect(asked).to.equal(1)
      expect(callee.faults).to.deep.equal([])
    })
  })

  for (const [title, options, code] of [
    ['needs a header with a type', { header: 'length:varint', calls: true }, 'ERR_QBP_BAD_TABLE'],
    ['needs two free numbers', { types: { News: 240 }, calls: true }, 'ERR_QBP_BAD_TABLE'],
    [
      'needs numbers that the header holds',
      { header: 'type:u8 length:u8', types: { News: 1 }, calls: 255 },
      'ERR_QBP_BAD_TABLE',
    ],
    ['is a word that there is', { calls: 'grpc' as never }, 'ERR_QBP_BAD_OPTION'],
    ['is no negative number', { calls: -1 }, 'ERR_QBP_BAD_OPTION'],
    ['ttrpc needs its header', { calls: 'ttrpc', header: 'type:u8 length:u8' }, 'ERR_QBP_BAD_TABLE'],
  ] as const) {
    it(`the option calls ${title}`, async () => {
      const load = Protocol.load(join(__dirname, 'accounts.proto'), {
        includeDirs: [join(__dirname, '../../schemas')],
        ...options,
      })
      expect(await rejection(load)).to.include({ code })
    })
  }

  it('travel under the numbers that a protocol gives them, in any header with a type', async () => {
    for (const [calls, header] of [
      [7, 'type:u8 length:u8'],
      [300, 'length:varint type:varint'],
      [true, 'flags:u8 type:u24le length(frame):u32'],
    ] as const) {
      const { caller, callee } = callPair(await loadAccounts(calls, { header }))
      callee.serve({ open: ({ name }) => ({ name }) })
      expect((await caller.client().open({ name: 'ann' })).name).to.equal('ann')
      caller.die()
    }
  })
})

describe('services', () => {
  it('are found by their name in full, and relative to the package', async () => {
    const protocol = await loadAccounts()
    const service = protocol.service('Accounts')
    expect(protocol.service('accounts.Accounts')).to.equal(service)
    const methods = [...service.methods].map(([key, { path, requestStream, responseStream, idempotent }]) => {
      return [key, path, requestStream, responseStream, idempotent]
    })
    expect(methods).to.deep.equal([
      ['open', 'accounts.Accounts/Open', false, false, false],
      ['watch', 'accounts.Accounts/Watch', false, true, false],
      ['deposit', 'accounts.Accounts/Deposit', true, false, false],
      ['trade', 'accounts.Accounts/Trade', true, true, false],
      ['close', 'accounts.Accounts/Close', false, false, true],
    ])
    expect(() => protocol.service('Acounts')).to.throw("no service 'Acounts'; it has accounts.Accounts")
    expect(() => protocol.service(undefined as never)).to.throw('A service is its name')
  })

  it('have methods by names that an object can have', () => {
    const root = protobuf.parse(
      `syntax = "proto3"; package p; message M {}
       service S { rpc Open(M) returns (M); rpc open(M) returns (M); rpc open_all(M) returns (M); rpc OpenAll(M) returns (M);
         rpc Then(M) returns (M); rpc Constructor(M) returns (M); rpc GetURL(M) returns (M); }`,
    ).root
    const protocol = reflectedProtocol(root, { package: 'p', calls: true })
    expect([...protocol.service('S').methods.keys()]).to.deep.equal([
      'open',
      'open_',
      'openAll',
      'openAll_',
      'then_',
      'constructor_',
      'getURL',
    ])
  })

  it('take the types that protoc would', () => {
    const root = protobuf.parse(
      `syntax = "proto3"; package a.b; message M { message M { int32 x = 1; } }
       service S { rpc One(M) returns (M.M); rpc Two(b.M) returns (.a.b.M.M); }`,
    ).root
    const { methods } = reflectedProtocol(root, { package: 'a.b', calls: true }).service('S')
    expect(
      [...methods.values()].map(({ request, response }) => [request.type.fullName, response.type.fullName]),
    ).to.deep.equal([
      ['a.b.M', 'a.b.M.M'],
      ['a.b.M', 'a.b.M.M'],
    ])
  })
})
