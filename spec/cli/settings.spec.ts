import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import { run as decode } from '../../lib/cli/verbs/decode.ts'
import { run as generate } from '../../lib/cli/verbs/generate.ts'
import { run as send } from '../../lib/cli/verbs/send.ts'
import { run as tap } from '../../lib/cli/verbs/tap.ts'
import { begin, type CliResult } from '../support/cli.ts'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')
const A = `syntax = "proto3";
package a;
import "parts/b.proto";
import "qbp/options.proto";
message Say { option (qbp.type) = 7; string text = 1; b.Part part = 2; }
`
const B = `syntax = "proto3";
package b;
message Part { int32 n = 1; }
`
const SAY = '00070000000a' + '0a026869' + '12020801' + '0a00'

describe('what is said once', () => {
  const top = resolve('.')
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'qbp-settings-'))
    mkdirSync(join(folder, 'api', 'parts'), { recursive: true })
    mkdirSync(join(folder, 'work', 'deep'), { recursive: true })
    writeFileSync(join(folder, 'api', 'a.proto'), A)
    writeFileSync(join(folder, 'api', 'parts', 'b.proto'), B)
  })
  after(() => rmSync(folder, { recursive: true }))
  afterEach(() => process.chdir(top))

  const config = (json: unknown, text = JSON.stringify(json)) => writeFileSync(join(folder, 'qbp.json'), text)
  const decoded = async (args: string[], env: NodeJS.ProcessEnv = {}, input = SAY): Promise<CliResult> => {
    const run = begin(decode, args, { env })
    run.stdin.end(hex(input))
    return run.ended
  }
  const names = async (args: string[], env: NodeJS.ProcessEnv = {}, input = SAY): Promise<unknown[]> => {
    const { stdout, stderr } = await decoded(args, env, input)
    expect(stderr).to.equal('')
    return stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).name)
  }

  describe('in a qbp.json', () => {
    it('is what generate makes a module of, where no .proto is named', async () => {
      config({ schema: 'api/a.proto', include: 'api', header: 'type:u8 length:varint', types: { Say: 7 } })
      process.chdir(join(folder, 'work'))
      const made = async (...files: string[]) => {
        const { code, stderr } = await begin(generate, [...files, '-o', 'made.ts'], {}).ended
        expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' })
        return readFileSync('made.ts', 'utf8')
      }
      expect(await made()).to.include("'type:u8 length:varint'")
      // A schema that is named is another one.
      writeFileSync('b.proto', B)
      expect(await made('b.proto')).to.not.include('length:varint')
      rmSync('b.proto')
      config({})
      const { code, stderr } = await begin(generate, [], {}).ended
      expect(code).to.equal(2)
      expect(stderr).to.include('no qbp.json says one')
    })

    it('is found upwards, its paths relative to it', async () => {
      config({ schema: 'api/a.proto', include: 'api' })
      for (const at of ['', 'work', 'work/deep']) {
        process.chdir(join(folder, at))
        expect(await names([]), at).to.deep.equal(['Say'])
      }
    })

    it('gives a header, a table and a message, as text or as objects, with comments', async () => {
      process.chdir(folder)
      const schema = ['api/a.proto']
      const include = ['api']
      config(
        {},
        `{ // which protocol this is\n schema: 'api/a.proto', include: 'api', header: 'type:u8 length:u8', types: { Say: 3 } }`,
      )
      expect(await names([], {}, '0300')).to.deep.equal(['Say'])
      config({ schema, include, header: 'delimited', message: 'Say' })
      expect(await names([], {}, '00')).to.deep.equal(['Say'])
      config({
        schema,
        include,
        header: { client: 'length:u8', server: 'length:u16' },
        message: { client: 'Say', server: 'Say' },
      })
      expect(await names(['--role', 'server'], {}, '0000')).to.deep.equal(['Say'])
      config({ schema, include, maxBody: 3 })
      expect((await decoded([])).stderr).to.match(/10 bytes .*--max-body/)
    })

    it('gives way to the environment, and this to what is typed', async () => {
      process.chdir(folder)
      config({ schema: 'api/a.proto', include: 'api', header: 'type:u8 length:u8' })
      const env = { QBP_HEADER: 'type:u16 length:u16' }
      expect(await names([], {}, '0700')).to.deep.equal(['Say'])
      expect(await names([], env, '00070000')).to.deep.equal(['Say'])
      expect(await names(['--header', 'default'], env)).to.deep.equal(['Say'])
      expect(await names([], { QBP_CONFIG: '', QBP_SCHEMA: 'api/a.proto', QBP_INCLUDE: 'api' })).to.deep.equal(['Say'])
    })

    it('says nothing about a schema that is typed', async () => {
      process.chdir(folder)
      config({ schema: 'nowhere.proto', types: { Nothing: 1 }, package: 'none', message: 'None' })
      expect(await names(['-s', 'api/a.proto', '-I', 'api'])).to.deep.equal(['Say'])
      expect(
        await names(['-s', 'api/a.proto', '-I', 'api', '--header', 'delimited', '--message', 'Say'], {}, '00'),
      ).to.deep.equal(['Say'])
    })

    const wrong: [text: string, error: RegExp][] = [
      ['{"schma": "a.proto"}', /qbp\.json: "schma" is no key of it; did you mean "schema"\?/],
      ['{"keep-case": true}', /"keep-case" is no key of it; did you mean "keepCase"\?/],
      ['{"zzz": 1}', /"zzz" is no key of it; there are schema, include, /],
      ['{"schema": 5}', /"schema" is 5; it may be a path or a list of them\./],
      ['{"schema": [""]}', /"schema" is \[""\]; it may be a path/],
      ['{"header": 1}', /"header" is 1; it may be text, or an object/],
      ['{"keepCase": "yes"}', /"keepCase" is "yes"; it may be true or false\./],
      ['{"maxBody": "9"}', /"maxBody" is "9"; it may be a number\./],
      ['{"targets": {"a": {"adress": "b:1"}}}', /"targets\.a\.adress" is no key of it; did you mean "address"\?/],
      ['{"targets": {"a": {}}}', /"targets\.a\.address" is missing; it may be HOST:PORT or unix:PATH\./],
      ['{"targets": ["a"]}', /"targets" is \["a"\]; it may be an object/],
      ['{"targets": {"a": 5}}', /"targets\.a" is 5; it may be HOST:PORT, or an object/],
      ['[]', /it is \[\]; it may be an object/],
      ['{', /qbp\.json: does not read: /],
      ['{"schema": "none.proto"}', /none\.proto: cannot be read \(ENOENT\)/],
      ['{"header": "nonsense"}', /--header is 'nonsense'/],
    ]
    for (const [text, error] of wrong) {
      it(`is refused where it is wrong: ${text}`, async () => {
        process.chdir(join(folder, 'work'))
        config(null, text)
        const { code, stderr } = await decoded([])
        expect(stderr).to.match(error)
        expect(stderr.split('\n').length).to.be.below(4)
        expect(code).to.be.above(0)
      })
    }

    it('names targets, of which one alone makes a whole tap', async () => {
      const server = net.createServer((socket) => socket.end(hex(SAY))).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address() as net.AddressInfo
      config({
        targets: {
          chat: { address: `127.0.0.1:${port}`, schema: 'api/a.proto', include: 'api', listen: '127.0.0.1:0' },
          short: `127.0.0.1:${port}`,
        },
      })
      process.chdir(join(folder, 'work'))
      try {
        const run = begin(tap, ['chat'])
        while (!/Listening/.test(run.stderr())) await new Promise((resolve) => setTimeout(resolve, 10))
        expect(run.stderr()).to.include(`passing on to 127.0.0.1:${port}.`)
        const socket = net.connect(Number(/at 127.0.0.1:(\d+)/.exec(run.stderr())?.[1]), '127.0.0.1')
        await run.printed(/← Say \{/)
        socket.destroy()
        run.interrupt()
        await run.ended
        const mistyped = await begin(tap, ['caht']).ended
        expect(mistyped.stderr).to.match(/'caht' is no address, and no target of .*; did you mean chat\?/)
        const sent = begin(send, ['chat', 'Say {text: "a"}', '--replies', '1'])
        expect(await sent.ended).to.include({ code: 0, stderr: '' })
        for (const [args, error] of [
          [['chta'], /'chta' is no address, and no target of \.\.\/qbp\.json; did you mean chat\?/],
          [['nothing', 'Say'], /'nothing' is no address, and no target of \.\.\/qbp\.json; there are chat, short/],
        ] as [string[], RegExp][]) {
          const { code, stderr } = await begin(send, args).ended
          expect(code).to.equal(2)
          expect(stderr).to.match(error)
        }
      } finally {
        server.close()
      }
    })
  })

  describe('by a schema', () => {
    beforeEach(() => {
      process.chdir(folder)
      rmSync(join(folder, 'qbp.json'), { force: true })
    })

    it('is a folder of files, in which imports are looked for', async () => {
      expect(await names(['-s', 'api', '--package', 'a'])).to.deep.equal(['Say'])
      expect((await decoded(['-s', 'work'])).stderr).to.match(/work: there is no \.proto in this folder\./)
    })

    it('is a pattern', async () => {
      for (const pattern of [
        'api/*.proto',
        '**/a.proto',
        'a?i/{a,z}.proto',
        'api/[a-c].proto',
        join(folder, 'ap*', 'a.proto'),
      ])
        expect(await names(['-s', pattern, '-I', 'api']), pattern).to.deep.equal(['Say'])
      expect((await decoded(['-s', 'api/z*.proto'])).stderr).to.match(/api\/z\*\.proto: no file is like that\./)
    })

    it('is a compiled schema: binary or JSON, packed or not', async () => {
      execFileSync('protoc', [
        '-I',
        'api',
        '-I',
        join(top, 'schemas'),
        '--include_imports',
        '-o',
        'all.binpb',
        'api/a.proto',
      ])
      const binary = execFileSync('cat', ['all.binpb'])
      // As `buf build -o image.json` writes it.
      const json = Buffer.from(
        JSON.stringify({
          file: [
            {
              name: 'parts/b.proto',
              package: 'b',
              messageType: [
                {
                  name: 'Part',
                  field: [{ name: 'n', number: 1, label: 'LABEL_OPTIONAL', type: 'TYPE_INT32', jsonName: 'n' }],
                },
              ],
              syntax: 'proto3',
              bufExtension: { isImport: true },
            },
            {
              name: 'a.proto',
              package: 'a',
              dependency: ['parts/b.proto'],
              messageType: [
                {
                  name: 'Say',
                  field: [
                    { name: 'text', number: 1, label: 'LABEL_OPTIONAL', type: 'TYPE_STRING', jsonName: 'text' },
                    {
                      name: 'part',
                      number: 2,
                      label: 'LABEL_OPTIONAL',
                      type: 'TYPE_MESSAGE',
                      typeName: '.b.Part',
                      jsonName: 'part',
                    },
                  ],
                  options: { '[qbp.type]': 7 },
                },
              ],
              syntax: 'proto3',
              bufExtension: { isImport: false },
            },
          ],
        }),
      )
      const files = {
        'all.binpb': binary,
        'all.binpb.gz': gzipSync(binary),
        'image.json': json,
        'image.json.gz': gzipSync(json),
      }
      for (const [name, bytes] of Object.entries(files)) {
        writeFileSync(join(folder, name), bytes)
        const { stdout, stderr } = await decoded(['-s', name])
        expect(stderr, name).to.equal('')
        expect(JSON.parse(stdout), name).to.deep.include({ name: 'Say', message: { part: { n: 1 } } })
      }
    }).timeout(15_000)
  })
})
