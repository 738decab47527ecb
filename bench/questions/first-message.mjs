// What does a process take until its first message has gone through a stream and back: imports, schema, code and all? Whole processes,
// by the processor time that they have had at their end, less that of a process that does nothing.

import { execFileSync, spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { fileOf } from '../fixtures.mjs'
import { alternate, row } from '../measure.mjs'

/** 250 ms where ws and protobufjs took 370. */
const MOST = 250 / 370

/** Beside package.json, whose package the module imports by its name. */
const MODULE = fileOf('../.first-message.mjs')

export async function* run({ progress }) {
  const qbp = fileOf('../dist/cli/command/main.js')
  execFileSync(process.execPath, [qbp, 'generate', fileOf('messages.proto'), '-I', fileOf('../schemas'), '-o', MODULE])
  try {
    const process = (script, ...args) => ended(fileOf(`peers/${script}.mjs`), args)
    const contestants = {
      nothing: () => process('first-nothing'),
      generated: () => process('first-qbp', MODULE),
      loaded: () => process('first-qbp'),
      ws: () => process('first-ws'),
    }
    const figures = await alternate(contestants, { rounds: 11, progress })
    const own = (name) => {
      const [figure, nothing] = [figures.get(name), figures.get('nothing')]
      return figure instanceof Error ? figure : nothing instanceof Error ? nothing : figure - nothing
    }
    const label = 'import and first message of a process'
    yield row(`${label}, a generated module : ws + protobufjs`, 'ms CPU', own('generated'), own('ws'), { most: MOST })
    yield row(`${label}, Protocol.load : ws + protobufjs`, 'ms CPU', own('loaded'), own('ws'), { most: MOST })
  } finally {
    for (const file of [MODULE, MODULE.replace('.mjs', '.d.mts')]) rmSync(file, { force: true })
  }
}

/** Milliseconds of processor time that a process has had, which prints them as its last act. */
function ended(script, args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`first-message: ${stderr.trim()}`)
  return Number(stdout)
}
