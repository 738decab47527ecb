// scripts/ts.cjs in a copy for another runtime, where each TypeScript file has its CommonJS beside it.
const { statSync } = require('node:fs')
const { join, resolve } = require('node:path')

const args = process.argv.slice(2)
const path = args.shift()
const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory()
const file = resolve(isFolder ? join(path, args.shift()) : path.replace(/\.(ts|cjs)$/, ''))
// In place: the array that parseArgs() of Deno reads.
process.argv.splice(1, Number.POSITIVE_INFINITY, file, ...args)
require(`${file}.cjs`).main?.()
