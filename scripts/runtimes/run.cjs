// npm run runtimes [-- bun|deno] [SPEC…]: the specs on other runtimes, without ts-node, in a copy that is CommonJS. A SPEC is the
// beginning of a path. differences.json says what is left out, and why; of that, what passes now is reported as stale. --quick leaves out
// what is known to differ without trying it: a new version of a runtime is no fault of a change.

const { spawn } = require('node:child_process')
const { readdirSync, rmSync } = require('node:fs')
const { join } = require('node:path')
const { createInterface } = require('node:readline')
const { binary } = require('./binaries.cjs')
const { copy } = require('./copy.cjs')
const { elsewhere, differences } = require('./differences.json')

const ROOT = join(__dirname, '../..')
const COMMANDS = { bun: ['run'], deno: ['run', '-A'] }
/** How long a spec may take, and after how long a runtime that reports nothing is stopped: its event loop stands still. */
const LIMITS = { limitMs: 60_000, silenceMs: 150_000 }
/** Of what is known to differ, and most often hangs. */
const KNOWN_LIMITS = { limitMs: 5_000, silenceMs: 20_000 }

/** So many files that fail are run once more by themselves: clocks and sockets are late on a machine that others use. */
const AGAIN = 3

/** Runs specs on a runtime, and calls back with each thing that specs.cjs reports. Returns how it ended. */
function run(name, folder, { silenceMs, ...task }, heard) {
  return new Promise((resolve) => {
    const args = [...COMMANDS[name], 'specs.cjs', JSON.stringify(task)]
    const child = spawn(binary(name), args, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })
    let waiting
    const wait = () => {
      clearTimeout(waiting)
      waiting = setTimeout(() => child.kill('SIGKILL'), silenceMs)
    }
    wait()
    createInterface(child.stdout).on('line', (line) => {
      wait()
      if (line.startsWith('\u001e')) heard(JSON.parse(line.slice(1)))
    })
    child.on('close', (status, signal) => {
      clearTimeout(waiting)
      resolve(signal === 'SIGKILL' ? 'the event loop stood still' : (signal ?? `exit code ${status}`))
    })
  })
}

/** The specs that must pass. Where the runtime is stopped in one, that one has failed, and the next file is begun. */
async function mustPass(name, folder, files, known) {
  const [passed, failed, left] = [[], [], []]
  for (let rest = files; rest.length > 0; ) {
    let at = { file: rest[0], begins: 'before its first spec' }
    let isWhole = false
    const how = await run(name, folder, { ...LIMITS, files: rest, known, only: false }, (what) => {
      if (what.ends) isWhole = true
      else if (what.begins) at = what
      else if (what.passes) passed.push(what)
      else if (what.leaves) left.push(what)
      else if (what.fails) {
        failed.push(what)
        console.log(`${name}: ${what.file}: ${what.fails}\n${(what.stack ?? what.message).slice(0, 3_000)}\n`)
      }
    })
    if (isWhole) break
    failed.push(at)
    console.log(`${name}: ${at.file}: ${at.begins}\n${how}\n`)
    rest = rest.slice(rest.indexOf(at.file) + 1)
  }
  return { passed, failed, left }
}

/** What is known to differ, and passes. */
async function nowPassing(name, folder, known) {
  const passing = []
  for (let rest = known; rest.length > 0; ) {
    let at = 0
    let isWhole = false
    const files = [...new Set(rest.map(({ spec }) => spec))]
    await run(name, folder, { ...KNOWN_LIMITS, files, known: rest, only: true }, (what) => {
      if (what.ends) isWhole = true
      else if (what.begins) at = what.known
      else if (what.passes) passing.push(what)
    })
    if (isWhole) break
    rest = rest.filter((_, index) => index !== at) // It has stopped the runtime, and is not stale.
  }
  return passing
}

/** Runs the chosen specs on one runtime. Returns whether all is as differences.json says. */
async function runtime(name, chosen, isQuick) {
  const folder = join(ROOT, '.runtimes', `${name}-${process.pid}`)
  copy(folder)
  try {
    const all = readdirSync(join(ROOT, 'spec'), { recursive: true })
      .map((path) => `spec/${path}`)
      .filter((path) => path.endsWith('.spec.ts'))
      .sort()
    const here = ({ on }) => on === undefined || on.includes(name)
    const isElsewhere = (path) => elsewhere.some((each) => here(each) && path.startsWith(each.spec))
    const files = all.filter(
      (path) => (chosen.length === 0 || chosen.some((spec) => path.startsWith(spec))) && !isElsewhere(path),
    )
    const known = differences.filter((each) => here(each) && files.includes(each.spec))
    const { passed, failed, left } = await mustPass(name, folder, files, known)
    const again = [...new Set(failed.map(({ file }) => file))]
    const isChance = again.length <= AGAIN
    const twice = isChance && again.length > 0 ? (await mustPass(name, folder, again, known)).failed : failed
    for (const file of again)
      if (!twice.some((each) => each.file === file)) console.log(`${name}: unsteady, passed by itself: ${file}`)
    const steady = isQuick ? [] : known.filter(({ sometimes }) => !sometimes)
    const stale = (await nowPassing(name, folder, steady)).map(({ file, passes }) => `${file}: ${passes}`)
    for (const [index, { spec, title }] of known.entries())
      if (!left.some((each) => each.known === index)) stale.push(`${spec}: there is no "${title}"`)
    for (const { spec } of elsewhere) if (!all.some((path) => path.startsWith(spec))) stale.push(`there is no ${spec}`)
    for (const each of stale) console.log(`${name}: stale in differences.json: ${each}`)
    console.log(
      `${name}: ${passed.length} passing, ${twice.length} failing, ${left.length} left out, ${stale.length} stale`,
    )
    return twice.length === 0 && stale.length === 0 && passed.length > 0
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function main(args) {
  const names = Object.keys(COMMANDS)
  const named = names.filter((name) => args.includes(name))
  const chosen = args.filter((each) => !names.includes(each) && each !== '--quick')
  let isAsSaid = true
  for (const name of named.length > 0 ? named : names)
    isAsSaid = (await runtime(name, chosen, args.includes('--quick'))) && isAsSaid
  process.exitCode = isAsSaid ? 0 : 1
}

void main(process.argv.slice(2))
