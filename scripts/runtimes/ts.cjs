// scripts/ts.cjs in a copy for another runtime, where each TypeScript file has its CommonJS beside it.
const { statSync } = require('node:fs')
const { join, resolve } = require('node:path')

const args = process.argv.slice(2)
const path = args.shift()
const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory()
const file = resolve(isFolder ? join(path, args.shift()) : path.replace(/\.[jt]s$/, ''))
process.argv = [process.argv[0], file, ...args]
require(`${file}.js`).main?.()
