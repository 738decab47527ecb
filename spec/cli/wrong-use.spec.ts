import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { dispatch } from '../../lib/cli/command/dispatch.ts'
import { cli } from '../support/cli.ts'

const chat = ['-s', 'schemas/chat.proto']
const client = [...chat, '--role', 'client']

describe('wrong use of the command', () => {
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'qbp-wrong-'))
  })
  after(() => rmSync(folder, { recursive: true }))

  const wrong: [title: string, args: string[], code: number, text: RegExp][] = [
    ['an option that is none', ['decode', '--on-falt', 'skip'], 2, /no option --on-falt; did you mean --on-fault\?/],
    ['one that is like none', ['decode', '--zzz'], 2, /there is no option --zzz\.\n/],
    ['a short one', ['bench', 'localhost:1', 'Say', '-n', '5'], 2, /there is no option -n\.\n/],
    ['an option that would paint', ['decode', '--\u001b[31m\u202e'], 2, /no option --\\u001b\[31m\\u202e\./],
    ['a port that is none', ['tap', '7001', 'localhost:7000', ...chat, '--ui-port', '99999'], 2, /at most 65535/],
    ['a port of a capture', ['decode', ...client, '--port', '65536'], 2, /--port is '65536'/],
    ['a port of a dissector', ['wireshark', ...chat, '--port', '70000'], 2, /--port is '70000'/],
    ['port 0 of a capture', ['guess', '--port', '0'], 2, /--port is '0'/],
    ['a huge number', ['decode', ...client, '--max-body', '9'.repeat(40)], 2, /--max-body is '9+'/],
    ['a folder to decode', ['decode', 'schemas', ...client], 1, /^qbp decode: schemas: it is a folder\.\n$/],
    ['a folder to guess', ['guess', 'schemas'], 1, /^qbp guess: schemas: it is a folder\.\n$/],
    ['a folder to view', ['view', 'schemas', ...chat], 1, /^qbp view: schemas: it is a folder\.\n$/],
    ['a folder to encode', ['encode', 'schemas', ...client], 1, /^qbp encode: schemas: it is a folder\.\n$/],
    ['no such file', ['decode', 'none\u202e.bin', ...client], 1, /ENOENT.*none\\u202e\.bin/],
  ]
  for (const [title, args, code, text] of wrong) {
    it(`is said in words: ${title}`, async () => {
      const result = await cli(dispatch, args)
      expect(result.stderr).to.match(text)
      expect(result).to.include({ code, stdout: '' })
    })
  }

  it('is none where generate is given a folder or a pattern, as --schema is', async () => {
    writeFileSync(join(folder, 'a.proto'), 'syntax = "proto3"; package a; import "b.proto"; message A { B b = 1; }')
    writeFileSync(join(folder, 'b.proto'), 'syntax = "proto3"; package a; message B { int32 n = 1; }')
    for (const source of [folder, join(folder, '*.proto')]) {
      const out = join(folder, 'out.ts')
      const include = source === folder ? [] : ['-I', folder]
      expect(await cli(dispatch, ['generate', source, ...include, '-o', out])).to.include({ code: 0, stderr: '' })
      expect(readFileSync(out, 'utf8')).to.include("'a.B'")
    }
  })
})
