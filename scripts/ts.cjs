// node scripts/ts.cjs FILE [ARGUMENT…]: runs a TypeScript file of this repository, without checking its types, on every Node
// that the package runs on. A `main` that it exports is called. In place of FILE may stand a FOLDER and the NAME of a file in it.
require('ts-node/register')
const { readdirSync, statSync } = require('node:fs')
const { join, resolve } = require('node:path')

const args = process.argv.slice(2)
const file = resolve(fileOf(args))
// As if Node had been given the file: what a program reads of its arguments begins at 2.
process.argv = [process.argv[0], file, ...args]
require(file).main?.()

function fileOf(args) {
  const path = args.shift()
  if (path === undefined || !statSync(path, { throwIfNoEntry: false })) fail(`there is no ${path ?? 'FILE'}.`)
  if (!statSync(path).isDirectory()) return path
  const names = readdirSync(path).flatMap((name) => /^(.+)\.ts$/.exec(name)?.[1] ?? [])
  const name = args.shift()
  if (!names.includes(name))
    fail(`${name ? `there is no ${name} in ${path}` : 'a NAME is missing'}; there are ${names.join(', ')}.`)
  return join(path, `${name}.ts`)
}

function fail(message) {
  console.error(`scripts/ts.cjs: ${message}`)
  process.exit(2)
}
