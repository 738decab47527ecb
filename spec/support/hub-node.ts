// A process that is killed by hub-file.spec.ts: one session, whose client reads a log, in a hub that is saved again and again. What it reports
// after each save is what the next process has to find.

import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { formatPosition, parsePosition } from '../../lib/bus/position.ts'
import { LocalHub, type Position, Sessions } from '../../lib/index.ts'
import { bytes, text } from './engines.ts'

interface Seen {
  readonly token: string
  readonly position: string
  readonly n: number
}

export async function main(): Promise<void> {
  const path = process.argv[2] as string
  const hub = await LocalHub.load(path)
  const bus = hub.bus({ node: 'the only one' })
  const sessions = new Sessions<{ lives: number }>(bus)
  let seen: Seen | undefined
  try {
    seen = JSON.parse(readFileSync(`${path}.seen`, 'utf8'))
  } catch {}
  const session = seen === undefined ? await sessions.open({ lives: 0 }) : await sessions.resume(seen.token)
  if (session === null) throw new Error('the session is gone')
  let { lives } = session.state
  if (seen !== undefined) await session.save({ lives: ++lives })
  let missed = 0
  if (seen !== undefined) {
    // All that was saved before the kill, and perhaps more, stands after the place that the client has.
    await bus.subscribe('log', (frame) => Number(text(frame)) <= (seen as Seen).n && missed++, {
      since: parsePosition(seen.position),
      onGap: () => missed++,
      echo: true,
    })
  }
  const from = seen?.n ?? 0
  for (let n = from + 1; ; n++) {
    const position = (await bus.publish('log', bytes(`${n}`), { durable: true })) as Position
    await hub.save()
    writeFileSync(`${path}.seen.tmp`, JSON.stringify({ token: session.token, position: formatPosition(position), n }))
    renameSync(`${path}.seen.tmp`, `${path}.seen`)
    process.send?.({ token: session.token, position: formatPosition(position), resumed: lives, missed })
  }
}
