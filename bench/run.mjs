// npm run bench -- [regexp] [--json] [--chart] [--quick]
//
// Asks the questions whose names the regexp finds, one after the other, and prints one table. With --quick it only sees whether
// every peer works and gets what was sent to it; no figure means anything then, and none is printed.

import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import os from 'node:os'
import { parseArgs } from 'node:util'
import { fileOf } from './fixtures.mjs'
import { rustVersions } from './rust.mjs'

const QUESTIONS = [
  'decode',
  'encode',
  'one-way',
  'bulk',
  'echo',
  'round-trip',
  'calls',
  'server-cpu',
  'broadcast',
  'idle-memory',
  'many-connections',
  'chunk-sizes',
  'forward',
  'first-message',
  'fairness',
  'bus',
]

/** What bench/ installs to draw the chart. */
const DRAWING = ['@observablehq/plot', 'linkedom']

const { values, positionals } = parseArgs({
  options: {
    json: { type: 'boolean' },
    chart: { type: 'boolean' },
    quick: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  },
  allowPositionals: true,
})
const pattern = new RegExp(positionals[0] ?? '', 'i')
const chosen = QUESTIONS.filter((name) => pattern.test(name))
if (values.help || chosen.length === 0 || (values.quick && values.chart)) {
  console.log(`npm run bench -- [regexp] [--json] [--chart] [--quick]\n\nThe questions: ${QUESTIONS.join(', ')}.`)
  process.exit(values.help ? 0 : 2)
}

install()
const { stopAll } = await import('./processes.mjs')
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    stopAll()
    clearProgress()
    process.exit(130)
  })
}
process.on('exit', stopAll)

const results = await ask()
clearProgress()
if (values.quick) printFaults(results)
else if (values.json) console.log(JSON.stringify(results, null, 2))
else print(results)
if (values.chart) {
  const { writeChart } = await import('./chart.mjs')
  writeChart(results, fileOf('results.svg'))
  console.error(`The chart is in ${fileOf('results.svg')}.`)
}
const failed = results.rows.some(({ fault }) => fault !== null)
// As of the specs: where all peers are required, one that is not there is a fault.
const missing = process.env.QBP_PEERS === 'required' && results.skipped.some(({ required }) => required)
process.exit(failed || missing ? 1 : 0)

/** Brings the peers, unless they are there, and the library as it is published. */
function install() {
  const here = fileOf('.')
  const run = (command, args, cwd) => execFileSync(command, args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] })
  if (!existsSync(fileOf('node_modules'))) {
    console.error('Installing what is compared with, into bench/node_modules …')
    run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], here)
  }
  run('npm', ['run', '--silent', 'build', '--loglevel=error'], fileOf('..'))
}

async function ask() {
  const rows = []
  const skipped = []
  const began = Date.now()
  for (const name of chosen) {
    const { run } = await import(`./questions/${name}.mjs`)
    const leaveOut = (reason, required) => void skipped.push({ question: name, reason, required })
    const tools = {
      progress: (text) => showProgress(`${Math.round((Date.now() - began) / 1000)} s  ${name}: ${text}`),
      skip: (reason) => leaveOut(reason, true),
      /** What few machines have, and no run requires. */
      skipExtra: (reason) => leaveOut(reason, false),
    }
    try {
      for await (const row of run(tools)) rows.push({ question: name, ...row })
    } catch (error) {
      rows.push({
        question: name,
        measure: name,
        unit: '',
        ours: null,
        theirs: null,
        ratio: null,
        met: null,
        fault: error.message,
      })
    }
    stopAll()
  }
  const [{ model }] = os.cpus()
  const machine = `${model.trim()} × ${os.availableParallelism()}, ${os.type()} ${os.release()}, Node ${process.version}`
  return {
    date: new Date().toISOString().slice(0, 10),
    machine,
    versions: versions(),
    seconds: Math.round((Date.now() - began) / 1000),
    rows,
    skipped,
  }
}

/** What was compared, and with what, as installed. */
function versions() {
  const listed = (cwd) => {
    // npm's exit code tells of what it would have installed otherwise; the list is there all the same.
    const { stdout } = spawnSync('npm', ['ls', '--json', '--depth=0', '--loglevel=silent'], { cwd, encoding: 'utf8' })
    return JSON.parse(stdout)
  }
  const ours = listed(fileOf('..'))
  const theirs = Object.entries(listed(fileOf('.')).dependencies).filter(([name]) => !DRAWING.includes(name))
  const found = { [ours.name]: ours.version, ...Object.fromEntries(theirs.map(([name, each]) => [name, each.version])) }
  if (chosen.includes('server-cpu')) {
    Object.assign(found, rustVersions())
    found.Python = printed('/usr/bin/python3', ['--version'])
    found["Python's protobuf"] = printed('/usr/bin/python3', [
      '-c',
      'from google import protobuf; print(protobuf.__version__)',
    ])
  }
  if (chosen.includes('bus')) {
    const name = '@nats-io/transport-node'
    found[name] = ours.dependencies[name]?.version
    found['nats-server'] = printed('/usr/sbin/nats-server', ['--version'])
  }
  return Object.fromEntries(Object.entries(found).filter(([, version]) => version !== undefined))
}

/** The version that a program prints, or undefined where there is none. */
function printed(program, args) {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).match(
      /\d+(\.\d+)+/,
    )?.[0]
  } catch {
    return undefined
  }
}

function print({ date, machine, seconds, rows, skipped }) {
  const lines = rows.map(({ measure, unit, ours, theirs, ratio, most, least, met, fault }) =>
    fault !== null
      ? [measure, '', '', '', '', `not timed: ${fault.split('\n')[0]}`]
      : [
          measure,
          `${figure(ours)} ${unit}`,
          `${figure(theirs)} ${unit}`,
          figure(ratio),
          goalOf({ most, least }),
          met === null ? '' : met ? 'yes' : 'NO',
        ],
  )
  const head = ['measure', 'ours', 'theirs', 'ratio', 'goal', 'met?']
  const widths = head.map((title, i) => Math.max(title.length, ...lines.map((line) => (i === 5 ? 0 : line[i].length))))
  const show = (line) =>
    line
      .map((cell, i) => (i === 0 || i > 3 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
      .join('  ')
      .trimEnd()
  console.log([head, widths.map((width) => '-'.repeat(width)), ...lines].map(show).join('\n'))
  for (const { question, reason } of skipped) console.log(`${question}: skipped. ${reason}`)
  console.log(`\n${date}, ${machine}, ${seconds} s. Medians of alternating rounds; a ratio is ours to theirs.`)
}

function printFaults({ seconds, rows, skipped }) {
  for (const name of new Set(rows.map(({ question }) => question))) {
    const faults = rows.filter(({ question, fault }) => question === name && fault !== null)
    if (faults.length === 0) console.log(`${name}: all arrived`)
    for (const { measure, fault } of faults) console.log(`${name}: ${measure}: FAULT: ${fault}`)
  }
  for (const { question, reason } of skipped) console.log(`${question}: skipped. ${reason}`)
  console.log(`\n${seconds} s. What was sent is checked; with --quick nothing is timed.`)
}

function goalOf({ most, least }) {
  if (most !== undefined) return `<= ${figure(most)}`
  return least !== undefined ? `>= ${figure(least)}` : ''
}

/** Three digits, or all before the point. */
function figure(number) {
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(number) || 1)))
  return number.toLocaleString('en', {
    maximumFractionDigits: Math.min(digits, 3),
    minimumFractionDigits: Math.min(digits, 2),
    useGrouping: true,
  })
}

function showProgress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text.slice(0, process.stderr.columns - 1)}`)
  else if (!values.quick && !/round [2-9]|round 1\d/.test(text)) console.error(text)
}

function clearProgress() {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
}
