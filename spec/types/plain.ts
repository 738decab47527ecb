// What a user of a module with plain values may read and write, and what does not compile. Nothing here runs.

import type { JsonValue, QbpConnection } from '../../lib/index.ts'
import { Protocol } from '../../lib/index.ts'
import { Clock, type ClockHandlers, Colour, plain, type Row, type RowInit } from '../protos/plain.ts'

const protocol = Protocol.from(plain, { calls: true })

export function valuesThatCompile(row: Row): RowInit {
  const time: number | undefined = row.at?.getTime()
  const took: number | null = row.took
  const paths: readonly string[] | null = row.mask
  const text: string | null = row.text
  const value: JsonValue | undefined = row.value
  if (row.colour === 'RED' || row.colour === Colour.BLUE) return { at: row.at, took, mask: paths, text, value }
  switch (row.choice) {
    case 'since':
      return { since: new Date(row.since.getTime() + 1) }
    case 'name':
      return { name: row.name.toUpperCase() }
    case 'more':
      return { config: { ...row.more, seen: time ?? null } }
  }
  // @ts-expect-error: no such name
  if (row.colour === 'GREEN') return {}
  // @ts-expect-error: a list of lists
  row.masks.push('a')
  // @ts-expect-error: undefined is no JSON
  const config: RowInit = { config: { a: undefined } }
  // @ts-expect-error: a Date, not a message
  const at: RowInit = { at: { seconds: 5n } }
  // @ts-expect-error: two of a oneof
  const two: RowInit = { name: 'a', since: new Date() }
  // @ts-expect-error: text, not a message of one
  const wrapped: RowInit = { text: { value: 'a' } }
  void [config, at, two, wrapped]
  return { colour: 'BLUE', maybe: 2, colours: ['CRIMSON', 7], values: [null, [1]] }
}

export async function callsThatCompile(connection: QbpConnection<typeof protocol>): Promise<void> {
  const handlers: ClockHandlers = {
    now: () => new Date(),
    greet: (name) => [name.toUpperCase(), null],
    async *ticks(ms) {
      yield new Date(ms)
    },
    async sum(numbers) {
      let sum = 0n
      for await (const number of numbers) sum += number
      return sum
    },
  }
  void connection.serve(Clock, handlers)
  const clock = connection.client(Clock)
  const now: Date = await clock.now({})
  const greeting: JsonValue = await clock.greet('ann')
  for await (const tick of clock.ticks(500)) tick.getTime()
  const sum: bigint = await clock.sum([1, 2n, '3'])
  // @ts-expect-error: text, not a message of one
  await clock.greet({ value: 'ann' })
  void [now, greeting, sum]
}
