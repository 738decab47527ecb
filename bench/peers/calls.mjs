// What each peer of the question `calls` is made of: a service, and a client that calls it for so long.

import { now } from '../fixtures.mjs'

/** About a hundred bytes each way. */
const NOTE = 'a stream of bytes goes in and typed messages come out on the other side'

export const question = (id) => ({ id, dividend: 9 * id, divisor: 3, note: NOTE })
export const answer = ({ id, dividend, divisor, note }) => ({ id, value: dividend / divisor, note })

/**
 * The functions of a peer.
 *
 * @param divide calls with a question, and resolves with the answer.
 * @param list calls with a question, and resolves with how many answers came.
 */
export function callers(divide, list) {
  let next = 0
  const one = async () => {
    const id = ++next
    const { id: answered, value } = await divide(question(id))
    if (answered !== id || value !== 3 * id)
      throw new Error(`the question ${id} was answered with ${answered}: ${value}`)
  }
  return {
    /** Calls for so many milliseconds, and so often at least, so many at a time. Returns how many were answered, and in what time. */
    async divide(width, ms, least) {
      const began = now()
      let count = 0
      const caller = async () => {
        do {
          await one()
          count++
        } while (count < least || now() - began < ms)
      }
      await Promise.all(Array.from({ length: width }, caller))
      return { count, ms: now() - began }
    },
    /** Asks for streams of so many answers, one after the other. */
    async list(answers, ms, least) {
      const began = now()
      let count = 0
      do {
        const came = await list({ ...question(0), dividend: answers })
        if (came !== answers) throw new Error(`${came} of ${answers} answers came`)
        count += came
      } while (count < least || now() - began < ms)
      return { count, ms: now() - began }
    },
  }
}

export async function counted(answers) {
  let count = 0
  for await (const _ of answers) count++
  return count
}
