// How much processor time does an echo server take for a message, against the same server on Python's asyncio?

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { toBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { assertTally, expected, fileOf, fixture } from '../fixtures.mjs'
import { alternate, few, row } from '../measure.mjs'
import { file_messages } from '../peers/generated/messages_pb.js'
import { file_qbp_options } from '../peers/generated/qbp/options_pb.js'
import { adopt, start } from '../processes.mjs'

const PYTHON = '/usr/bin/python3'
const COUNTS = { qbp: few(200_000, 2_000), python: few(20_000, 1_000) }

export async function* run({ progress, skip }) {
  try {
    execFileSync(PYTHON, ['-c', 'import google.protobuf'], { stdio: 'ignore' })
  } catch {
    skip(`${PYTHON} has no google.protobuf: apt-get install python3-protobuf`)
    return
  }
  const messages = fixture('small')
  const servers = { qbp: await qbpServer(), python: await pythonServer() }
  const turns = {}
  for (const [name, server] of Object.entries(servers)) {
    const client = start('qbp')
    await client.call('connect', server.port)
    const send = async (count, checked = 0) => {
      await client.call('expect', count, checked)
      const before = await server.cpu()
      const [tally] = await Promise.all([client.call('arrived'), client.call('send', 'small', count)])
      const after = await server.cpu()
      assertTally(name, tally, expected(messages, count, checked))
      return (after - before) / count
    }
    await send(messages.length, messages.length)
    turns[name] = () => send(COUNTS[name])
    Object.assign(turns[name], { stop: () => client.stop() })
  }
  await alternate(turns, { rounds: 1, progress: (text) => progress(`warming up: ${text}`) })
  const figures = await alternate(turns, { progress })
  for (const name of Object.keys(servers)) {
    turns[name].stop()
    servers[name].stop()
  }
  yield row('server CPU, echo : Python asyncio', 'µs/message', figures.get('qbp'), figures.get('python'), {
    most: 1 / 6,
  })
}

async function qbpServer() {
  const server = start('qbp')
  return { port: await server.call('listen', { echo: true }), cpu: () => server.call('cpu'), stop: () => server.stop() }
}

async function pythonServer() {
  const files = [file_qbp_options, file_messages].map(({ proto }) =>
    Buffer.from(toBinary(FileDescriptorProtoSchema, proto)).toString('base64'),
  )
  const child = adopt(spawn(PYTHON, [fileOf('peers/server.py'), ...files], { stdio: ['pipe', 'pipe', 'inherit'] }))
  const lines = createInterface({ input: child.stdout })
  const [port] = await once(lines, 'line')
  return {
    port: Number(port),
    async cpu() {
      const answer = once(lines, 'line')
      child.stdin.write('\n')
      return Number((await answer)[0])
    },
    stop: () => child.kill('SIGKILL'),
  }
}
