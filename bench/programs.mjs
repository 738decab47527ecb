// Servers that are no Node: programs that print their port, and then answer each line on standard input with a line.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { adopt } from './processes.mjs'

/** Starts a program. @returns its port, `ask(line)`, which resolves to its answer, and `stop()`. */
export async function startProgram(command, args) {
  const child = adopt(spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] }))
  const lines = createInterface({ input: child.stdout })
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`${command} ended (${code})`)
  })
  ended.catch(() => {}) // Only who asks wants to know.
  const line = async () => (await Promise.race([once(lines, 'line'), ended]))[0]
  const port = Number(await line())
  return {
    port,
    ask(question) {
      const answer = line()
      child.stdin.write(`${question}\n`)
      return answer
    },
    stop: () => child.kill('SIGKILL'),
  }
}
