// A nats-server with JetStream for one question: a free port on loopback, a data folder of its own, its own process.

import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

/** @returns its address and `stop()`, or null where it is not installed. */
export async function startNats() {
  const folders = ['/usr/sbin', ...(process.env.PATH ?? '').split(delimiter)]
  const binary = folders.map((folder) => join(folder, 'nats-server')).find((file) => existsSync(file))
  if (binary === undefined) return null
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'qbp-bench-'))
  const server = spawn(binary, ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', folder], { stdio: 'ignore' })
  const stop = () => {
    server.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
  process.once('exit', stop)
  while (!(await accepts(port))) await new Promise((resolve) => setTimeout(resolve, 10))
  return { url: `127.0.0.1:${port}`, stop }
}

function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1')
    const end = (answer) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => end(true)).once('error', () => end(false))
  })
}
