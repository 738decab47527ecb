import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { Protocol, type QbpError } from '../../lib/index.ts'
import { peer } from './peers.ts'

const run = promisify(execFile)

/** Whatever is in a schema, this makes a Protocol of it. */
export const RAW = { header: 'length:varint', message: { body: 'raw' } } as const

/** A folder of .proto files, which protoc and we judge. */
export interface Schemas {
  /** Once the specs run. */
  readonly folder: string
  /** Writes files, and returns the path of the first. */
  files(contents: Record<string, string>): string
  /** What we say against files, or null. */
  refusal(path: string | string[], options?: object): Promise<string | null>
  /** What protoc says against a file, or null. */
  protocRefusal(path: string): Promise<string | null>
}

/** Gives the specs of a `describe` a folder for as long as they run. They skip where there is no protoc; see peers.ts. */
export function schemas(): Schemas {
  let folder = ''
  before(function () {
    peer(this, { needs: ['protoc'], apt: 'protobuf-compiler' })
    folder = mkdtempSync(join(tmpdir(), 'qbp-protoc-'))
  })
  after(() => {
    if (folder !== '') rmSync(folder, { recursive: true })
  })
  return {
    get folder() {
      return folder
    },
    files(contents) {
      for (const [name, text] of Object.entries(contents)) {
        mkdirSync(dirname(join(folder, name)), { recursive: true })
        writeFileSync(join(folder, name), text)
      }
      return join(folder, Object.keys(contents)[0] as string)
    },
    refusal: (path, options) =>
      Protocol.load(path, { ...RAW, ...options }).then(
        () => null,
        (fault: QbpError) => {
          expect(fault.code).to.equal('ERR_QBP_BAD_SCHEMA')
          return fault.message
        },
      ),
    protocRefusal: (path) =>
      run('protoc', [`-I${folder}`, '-o/dev/null', path]).then(
        () => null,
        (fault: { stderr: string }) => fault.stderr,
      ),
  }
}
