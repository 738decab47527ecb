import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import { expect } from 'chai'
import { headers, Protocol, QbpConnection } from '../../lib/index.ts'
import { temporaryFolder } from '../support/languages.ts'
import { peer } from '../support/peers.ts'

// The Embedded Sass protocol, over the standard streams of a real compiler: npm's sass-embedded. Its schema is taken out of the
// package, which has it as a descriptor.

const MODULES = join(__dirname, '..', '..', '.peers', 'sass', 'node_modules')
const COMPILER = join(MODULES, `sass-embedded-${process.platform}-${process.arch}`, 'dart-sass', 'src')
const DART = join(COMPILER, 'dart')

/** The schema of the package as a descriptor set, for Protocol.load. */
function schema(): string {
  const { file_embedded_sass } = require(join(MODULES, 'sass-embedded/dist/lib/src/vendor/embedded_sass_pb.js'))
  const { create, toBinary } = require('@bufbuild/protobuf')
  const { FileDescriptorSetSchema } = require('@bufbuild/protobuf/wkt')
  const path = join(temporaryFolder(), 'sass.binpb')
  writeFileSync(
    path,
    toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [file_embedded_sass.proto] })),
  )
  return path
}

describe('the Embedded Sass compiler', function () {
  this.timeout(20_000)
  let protocol: Protocol
  before(async function () {
    peer(this, { needs: [DART], bring: 'npm run peers' })
    protocol = await Protocol.load(schema(), {
      header: headers.sass,
      message: { client: 'InboundMessage', server: 'OutboundMessage' },
    })
  })

  it('compiles, and calls back a custom importer, over its standard streams', async () => {
    const child = spawn(DART, [join(COMPILER, 'sass.snapshot'), '--embedded'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const exited = once(child, 'exit')
    const { stdin: writable, stdout: readable } = child
    const connection = new QbpConnection(protocol, Duplex.from({ readable, writable }), { role: 'client' })
    const { reader, writer } = connection

    await writer.writeMessage({ $header: { id: 0 }, versionRequest: { id: 1 } })
    const version = await reader.readMessage()
    expect(version?.$header).to.deep.equal({ id: 0 })
    expect(version?.versionResponse).to.include({ id: 1, implementationName: 'dart-sass' })

    const compilation = { id: 300 } // Its varint takes two bytes.
    const source = '@use "virtual:a"; a { b { c: a.$x * 2 } }'
    const importers = [{ importerId: 5 }]
    await writer.writeMessage({
      ...{ $header: compilation, compileRequest: { string: { source, syntax: 'SCSS' }, importers, style: 'EXPANDED' } },
    })
    const asked: unknown[] = []
    let css = ''
    for await (const message of reader) {
      const { $header, canonicalizeRequest, importRequest, compileResponse } = message
      expect($header).to.deep.equal(compilation)
      if (message.message === 'canonicalizeRequest') {
        const { id, importerId, url } = canonicalizeRequest
        asked.push(['canonicalize', importerId, url])
        await writer.writeMessage({ $header, canonicalizeResponse: { id, url } })
      } else if (message.message === 'importRequest') {
        const { id, importerId, url } = importRequest
        asked.push(['import', importerId, url])
        await writer.writeMessage({
          $header,
          importResponse: { id, success: { contents: '$x: 21px', syntax: 'SCSS' } },
        })
      } else {
        css = compileResponse.success.css
        break
      }
    }
    expect(asked).to.deep.equal([
      ['canonicalize', 5, 'virtual:a'],
      ['import', 5, 'virtual:a'],
    ])
    expect(css).to.equal('a b {\n  c: 42px;\n}')
    connection.destroy()
    child.kill()
    await exited
  })
})
