import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import ts from 'typescript'
import * as entry from '../../lib/index.ts'

const ROOT = join(__dirname, '..', '..')

describe('the public names', () => {
  it('are these and no others', () => {
    expect(Object.keys(entry).sort()).to.deep.equal([
      'BusGroup',
      'CALL_CODES',
      'CallError',
      'Group',
      'Health',
      'Link',
      'LocalHub',
      'Message',
      'Protocol',
      'QbpConnection',
      'QbpError',
      'QbpReadable',
      'QbpServer',
      'QbpWritable',
      'RawMessage',
      'Sessions',
      'connect',
      'connections',
      'createServer',
      'decodePosition',
      'dispatch',
      'encodePosition',
      'formatPosition',
      'headers',
      'localBus',
      'parsePosition',
      'plain',
      'plainForms',
      'temporalForms',
    ])
  })
})

describe('the error codes', () => {
  /** The literals of the union ErrorCode, as lib/base/errors.ts has them. */
  function codes(): string[] {
    const file = ts.createSourceFile(
      'errors.ts',
      readFileSync(join(ROOT, 'lib/base/errors.ts'), 'utf8'),
      ts.ScriptTarget.Latest,
    )
    const found: string[] = []
    const visit = (node: ts.Node): void => {
      if (ts.isTypeAliasDeclaration(node) && node.name.text === 'ErrorCode') {
        node.type.forEachChild((member) => {
          if (ts.isLiteralTypeNode(member) && ts.isStringLiteral(member.literal)) found.push(member.literal.text)
        })
      }
      node.forEachChild(visit)
    }
    visit(file)
    return found
  }

  it('each have a line in docs/errors.md, which has no others', () => {
    const page = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8')
    const listed = [...page.matchAll(/^\| `(ERR_QBP_\w+)` +\|/gm)].map((match) => match[1])
    expect(listed.sort()).to.deep.equal(codes().sort())
  })
})
