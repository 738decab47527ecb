#!/usr/bin/env node
import { buffer } from 'node:stream/consumers'
import { answerRequest } from '../generate/code-generator.ts'

/** Without a request on standard input somebody has run it by hand. */
async function main(): Promise<void> {
  if (process.stdin.isTTY) {
    process.stderr.write('protoc-gen-qbp is run by protoc (--qbp_out=FOLDER) or by buf: see `qbp generate --help`.\n')
    process.exitCode = 2
    return
  }
  process.stdout.write(await answerRequest(await buffer(process.stdin)))
}

void main()
