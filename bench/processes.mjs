// Child processes that answer calls, so that client and server of a measure have a process each.

import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const running = new Set()

/** No call of a bounded benchmark takes longer; one that does has lost messages. */
const CALL_TIMEOUT_MS = 30_000

/**
 * Starts `peer.mjs` with one peer in it.
 *
 * @returns `call(name, ...args)`, a promise of what that function of the peer returns, and `stop()`.
 */
export function start(peer, execArgv = [], env = {}) {
  const child = fork(fileURLToPath(new URL('peer.mjs', import.meta.url)), [peer], {
    execArgv,
    env: { ...process.env, ...env },
    serialization: 'advanced',
    // What a peer prints is no part of the table.
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  adopt(child)
  const calls = new Map()
  let last = 0
  child.on('message', ({ id, result, error }) => {
    const { resolve, reject } = calls.get(id) ?? {}
    calls.delete(id)
    if (error === undefined) resolve?.(result)
    else reject?.(new Error(`${peer}: ${error}`))
  })
  child.on('exit', (code, signal) => {
    for (const { reject } of calls.values()) reject(new Error(`${peer}: its process ended (${signal ?? code})`))
    calls.clear()
  })
  return {
    peer,
    pid: child.pid,
    call(name, ...args) {
      const id = ++last
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          calls.delete(id)
          reject(new Error(`${peer}: ${name}() did not end within ${CALL_TIMEOUT_MS / 1000} s`))
        }, CALL_TIMEOUT_MS)
        const settle = (then) => (value) => {
          clearTimeout(timer)
          then(value)
        }
        calls.set(id, { resolve: settle(resolve), reject: settle(reject) })
        if (child.connected) child.send({ id, name, args })
        else calls.get(id).reject(new Error(`${peer}: its process has ended`))
      })
    },
    stop() {
      child.kill('SIGKILL')
    },
  }
}

/** Sees that a child process ends with this one. */
export function adopt(child) {
  running.add(child)
  child.on('exit', () => running.delete(child))
  return child
}

/** Ends every child that is still there. */
export function stopAll() {
  for (const child of running) child.kill('SIGKILL')
}
