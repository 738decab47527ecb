// How much processor time does a server take for a message, one that counts what comes and one that echoes it, against the
// same in Rust, with tokio and prost, and the echo on Python's asyncio?

import { execFileSync } from 'node:child_process'
import { toBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { assertTally, expected, fileOf, fixture } from '../fixtures.mjs'
import { alternate, few, row } from '../measure.mjs'
import { file_messages } from '../peers/generated/messages_pb.js'
import { file_qbp_options } from '../peers/generated/qbp/options_pb.js'
import { start } from '../processes.mjs'
import { startProgram } from '../programs.mjs'
import { buildRust } from '../rust.mjs'

const PYTHON = '/usr/bin/python3'
const COUNT = few(200_000, 2_000)
const COUNT_IN_PYTHON = few(20_000, 1_000)

/** Rust's servers by what they do, and beside each Qbp's two ways of doing it, with the ratio that is to be reached. */
const WORK = [
  { name: 'one way', echo: false, ways: { 'for await': 3, readMessages: 2 } },
  { name: 'echo', echo: true, ways: { 'for await': 3.5, readMessages: 2.2 } },
]
const PEERS = { 'for await': 'qbp', readMessages: 'qbp-lists' }

export async function* run({ progress, skip, skipExtra }) {
  const servers = new Map()
  for (const { name, echo, ways } of WORK) {
    for (const way of Object.keys(ways)) servers.set(`${name}, ${way}`, await qbpServer(PEERS[way], echo))
  }
  const hasRust = await buildRust(progress).then(
    async (program) => {
      for (const { name, echo } of WORK) servers.set(`${name} : Rust`, await rustServer(program, echo))
      return true
    },
    ({ message }) => skipExtra(message),
  )
  const hasPython = await hasProtobuf()
  if (hasPython) servers.set('Python', await pythonServer())
  else skip(`${PYTHON} has no google.protobuf: apt-get install python3-protobuf`)

  const turns = Object.fromEntries([...servers].map(([name, server]) => [name, turnOf(name, server)]))
  await alternate(turns, { rounds: 3, progress: (text) => progress(`warming up: ${text}`) })
  const figures = await alternate(turns, { rounds: 9, progress })
  for (const server of servers.values()) server.stop()

  const compare = (label, ours, theirs, most) =>
    row(`server CPU, ${label}`, 'µs/message', figures.get(ours), figures.get(theirs), { most })
  for (const { name, ways } of hasRust ? WORK : []) {
    for (const [way, most] of Object.entries(ways))
      yield compare(`${name}, ${way} : Rust`, `${name}, ${way}`, `${name} : Rust`, most)
  }
  if (hasPython) yield compare('echo : Python asyncio', 'echo, for await', 'Python', 1 / 6)
}

/** Microseconds of the server's processor time per message; what arrives is checked, the first time with all its values. */
function turnOf(name, { port, cpu, counting, count = COUNT, tellsValues = true }) {
  const messages = fixture('small')
  let client = null
  const send = async (count, checked = 0) => {
    const { call } = counting ?? client
    await call('expect', count, checked)
    const before = await cpu()
    await client.call('send', 'small', count)
    assertTally(name, await call('arrived'), expected(messages, count, checked))
    return ((await cpu()) - before) / count
  }
  return async () => {
    if (client === null) {
      client = start('qbp')
      await client.call('connect', port)
      await send(messages.length, tellsValues ? messages.length : 0)
    }
    return send(count)
  }
}

/** A server is `counting` where the messages end with it; what one that echoes has sent back is counted by its client. */
async function qbpServer(peer, echo) {
  const server = start(peer)
  return {
    port: await server.call('listen', { echo }),
    cpu: () => server.call('cpu'),
    counting: echo ? null : server,
    stop: server.stop,
  }
}

async function rustServer(program, echo) {
  const { port, ask, stop } = await startProgram(program, [echo ? 'echo' : 'count'])
  const call = async (name, ...args) => {
    const [count, checksum] = (await ask([name, ...args].join(' '))).split(' ').map(Number)
    return { count, checksum }
  }
  return { port, cpu: async () => Number(await ask('cpu')), counting: echo ? null : { call }, tellsValues: echo, stop }
}

async function hasProtobuf() {
  try {
    execFileSync(PYTHON, ['-c', 'import google.protobuf'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

async function pythonServer() {
  const files = [file_qbp_options, file_messages].map(({ proto }) =>
    Buffer.from(toBinary(FileDescriptorProtoSchema, proto)).toString('base64'),
  )
  const { port, ask, stop } = await startProgram(PYTHON, [fileOf('peers/server.py'), ...files])
  return { port, cpu: async () => Number(await ask('cpu')), counting: null, count: COUNT_IN_PYTHON, stop }
}
