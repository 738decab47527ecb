import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import { gathered } from '../../lib/base/gathered.ts'
import { Protocol } from '../../lib/index.ts'
import { rejection } from '../support/rejection.ts'

const MOST = 2 ** 26

describe('a fault of a schema', () => {
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'qbp-places-'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  /** The refusal of a file, without the folder. */
  const refused = async (text: string, name = 'a.proto'): Promise<string> => {
    writeFileSync(join(folder, name), text)
    const { code, message } = await rejection(Protocol.load(join(folder, name), { types: { A: 1 } }))
    expect(code).to.equal('ERR_QBP_BAD_SCHEMA')
    return message.replaceAll(`${folder}/`, '')
  }

  const two = 'two fields of A have the number'
  for (const [what, text, message] of [
    [
      'an import that is not found',
      'syntax = "proto3";\nimport "none.proto";',
      "a.proto:2:9: the import 'none.proto' is",
    ],
    [
      'a number used twice',
      'syntax = "proto3";\nmessage A {\n  string x = 1;\n  string y = 1;\n}',
      `a.proto:4:14: ${two} 1.`,
    ],
    [
      'one in hexadecimal',
      'syntax = "proto3";\nmessage A { string x = 10; bytes y = 0xA; }',
      `a.proto:2:38: ${two} 10.`,
    ],
    [
      'one in a oneof',
      'syntax = "proto3";\nmessage A { oneof o { string x = 1; } int32 y = 1; }',
      `a.proto:2:49: ${two} 1.`,
    ],
    [
      'one of a map',
      'syntax = "proto3";\nmessage A { int32 y = 7;\n\tmap<string, int32> m = 7; }',
      `a.proto:3:25: ${two} 7.`,
    ],
    [
      'one within',
      'message A { message B { optional A a = 1; optional A b = 1; } }',
      'a.proto:1:58: two fields of A.B have',
    ],
    [
      'an extension of nothing',
      'syntax = "proto2";\n\nextend Nothing { optional int32 z = 100; }',
      'a.proto:3:1: extend Nothing: there is',
    ],
    [
      'a type that is none',
      'syntax = "proto3";\nmessage A {\n  // Nope\n  Nope x = 1;\n}',
      "a.proto:4:3: there is no type 'Nope'",
    ],
    [
      'a number that none may have',
      'syntax = "proto3";\nmessage A {\n  int32 x = 0;\n}',
      'a.proto:3:9: the field x of A has the number 0;',
    ],
    [
      'a name used twice',
      'syntax = "proto3";\nmessage A {\n  int32 x = 1;\n  int32 x = 2;\n}',
      "a.proto:4:9: duplicate name 'x'",
    ],
    [
      'a number that is reserved',
      'syntax = "proto3";\nmessage A {\n  reserved 4;\n  int32 x = 4;\n}',
      'a.proto:4:13: id 4 is reserved',
    ],
    ['an option without a value', 'syntax = "proto3";\n  option a.b;', 'a.proto:2:10: an option has no value'],
    [
      'a token that does not belong',
      'syntax = "proto3";\nmessage A {\n  string = 1;\n}',
      "a.proto:3:10: illegal name '='",
    ],
    ['a text that does not end', 'syntax = "proto3";\nimport "a', 'a.proto:2:8: '],
  ] as const)
    it(`says file, line and column: ${what}`, async () => {
      expect(await refused(text))
        .to.include(message)
        .and.to.match(/^a\.proto:/)
    })

  it('is no number of an option, of a range or of another message', async () => {
    const path = join(folder, 'good.proto')
    writeFileSync(
      path,
      'syntax = "proto2"; message A { extensions 4 to 9 [verification = UNVERIFIED]; optional int32 x = 1 [default = 2]; optional int32 y = 2; message B { optional int32 x = 1; } enum E { Z = 1; } reserved 3; oneof o { int32 z = 10; } extend A { optional int32 e = 4; } }',
    )
    await Protocol.load(path, { types: { A: 1 } })
  })

  it('has its place in a pipe, too, which is read once', async () => {
    const pipe = join(folder, 'pipe')
    execFileSync('mkfifo', [pipe])
    const text = 'syntax = "proto3"; message A {\\n  Nope x = 1;\\n}\\n'
    const writer = spawn('sh', ['-c', `printf '${text}' > ${pipe}`])
    const { message } = await rejection(Protocol.load(pipe, { types: { A: 1 } }))
    expect(message).to.include(`${pipe}:2:3: there is no type`).and.not.to.include(`${pipe}: ${pipe}`)
    writer.kill()
  })
})

describe('the file of a schema', () => {
  it('that has no end is refused, in a line', async function () {
    this.timeout(30_000)
    const { code, message } = await rejection(Protocol.load('/dev/zero'))
    expect(code).to.equal('ERR_QBP_BAD_SCHEMA')
    expect(message).to.equal(
      `/dev/zero: it is a device of more than ${MOST} bytes, which is the most that a schema may have.`,
    )
  })

  it('that unpacks to more than a schema may have is refused', async function () {
    this.timeout(30_000)
    const path = join(tmpdir(), `qbp-bomb-${process.pid}.binpb`)
    writeFileSync(path, gzipSync(Buffer.alloc(MOST + 1)))
    const { message } = await rejection(Protocol.load(path))
    rmSync(path)
    expect(message).to.equal(
      `${path}: it is gzip of more than ${MOST} bytes, which is the most that a schema may have.`,
    )
  })

  it('is gathered up to its limit, and not read beyond it', async () => {
    let read = 0
    async function* endless() {
      for (;;) {
        read++
        yield new Uint8Array(10)
      }
    }
    expect(await gathered(endless(), 25)).to.equal(null)
    expect(read).to.equal(3)
    const three = async function* () {
      yield* [Uint8Array.of(1), Uint8Array.of(), Uint8Array.of(2, 3)]
    }
    expect(await gathered(three(), 3)).to.deep.equal(Uint8Array.of(1, 2, 3))
  })
})
