import { once } from 'node:events'
import net from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { expect } from 'chai'
import { connections, createServer } from '../../lib/index.ts'
import { protocol } from '../support/chat.ts'
import { FaultProxy } from '../support/fault-proxy.ts'
import { rejection } from '../support/rejection.ts'
import { settled } from '../support/settled.ts'
import { portOf, serve } from '../support/transports.ts'

/** A port that nobody listens on, for now. */
async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

const local = { host: '127.0.0.1', minDelayMs: 1, maxDelayMs: 8 }

describe(
  'connections',
  settled(() => {
    it('come one after another, each with the reason of the last end', async () => {
      let served = 0
      const server = await serve({}, async (reader, writer) => {
        await reader.readMessage()
        writer.write({ $name: 'Say', text: `${++served}` })
        if (served === 2) throw new Error('enough')
      })
      server.on('clientError', () => {})
      const all = connections(protocol, { ...local, port: portOf(server) })
      expect(all.lastEnd).to.equal(undefined)
      const ends: unknown[] = []
      const texts: unknown[] = []
      for await (const { reader, writer } of all) {
        writer.write({ $name: 'Leave' })
        ends.push((all.lastEnd as { code?: string } | null | undefined)?.code ?? all.lastEnd)
        try {
          for await (const message of reader) if (message.$name === 'Say') texts.push(message.text)
        } catch {}
        if (ends.length === 4) break
      }
      expect(ends).to.deep.equal([undefined, null, 'ECONNRESET', null])
      expect(texts).to.include.members(['1', '3', '4'])
      await server.close()
    })

    it('wait for a server that is not there yet, and give up after maxAttempts', async () => {
      const port = await freePort()
      const none = connections(protocol, { ...local, port, maxAttempts: 3 })
      expect(await rejection(none.next())).to.have.property('code', 'ECONNREFUSED')
      expect(none.attempts).to.equal(3)
      expect(none.lastEnd).to.have.property('code', 'ECONNREFUSED')

      const some = connections(protocol, { ...local, port })
      const first = some.next()
      await setTimeout(20)
      const server = createServer(protocol, async (reader) => {
        for await (const _ of reader);
      }).listen(port, '127.0.0.1')
      const { value } = await first
      expect(value?.closing).to.equal(false)
      expect(some.attempts).to.equal(0)
      await some.return?.()
      expect(value?.closing).to.equal(true)
      await server.close()
    })

    it('wait longer after each failure, a random part of it, up to maxDelayMs', async () => {
      const port = await freePort()
      const { random } = Math
      let waited = 0
      Math.random = () => 1
      const began = performance.now()
      try {
        await rejection(
          connections(protocol, { port, host: '127.0.0.1', minDelayMs: 4, maxDelayMs: 16, maxAttempts: 5 }).next(),
        )
        waited = performance.now() - began
        Math.random = () => 0 // Else this would wait for longer than a spec may take.
        await rejection(connections(protocol, { port, host: '127.0.0.1', minDelayMs: 10_000, maxAttempts: 5 }).next())
      } finally {
        Math.random = random
      }
      expect(waited).to.be.at.least(4 + 8 + 16 + 16 - 2)
    })

    it('end with the reason of the signal, while one stands and while they wait', async () => {
      const server = await serve({}, async (reader) => {
        for await (const _ of reader);
      })
      const reason = new Error('enough')
      const controller = new AbortController()
      const standing = connections(protocol, { ...local, port: portOf(server), signal: controller.signal })
      const { value } = await standing.next()
      const next = rejection(standing.next())
      controller.abort(reason)
      expect(await next).to.equal(reason)
      expect(await value?.closed).to.equal(null)
      await server.close()

      const other = new AbortController()
      const waiting = connections(protocol, {
        port: await freePort(),
        host: '127.0.0.1',
        minDelayMs: 60_000,
        maxDelayMs: 60_000,
        signal: other.signal,
      })
      const never = rejection(waiting.next())
      await setTimeout(20)
      other.abort(reason)
      expect(await never).to.equal(reason)
    })

    it('refuse bad options at once', async () => {
      for (const bad of [{ minDelayMs: 0 }, { minDelayMs: 9, maxDelayMs: 8 }, { maxAttempts: 0 }]) {
        expect(() => connections(protocol, { port: 1, ...bad }), JSON.stringify(bad))
          .to.throw()
          .with.property('code', 'ERR_QBP_BAD_OPTION')
      }
      expect(await rejection(connections(protocol, {}).next())).to.have.property('code', 'ERR_QBP_BAD_OPTION')
    })

    it('lose nothing that the server has acknowledged, however often it restarts under load', async () => {
      // The server records what came, then says so. The client says again what was not acknowledged.
      const recorded: string[] = []
      const start = async (port: number) => {
        const server = createServer(protocol, async (reader, writer) => {
          for await (const message of reader) {
            if (message.$name !== 'Say') continue
            recorded.push(message.text)
            await writer.writeMessage({ $name: 'Said', text: message.text })
          }
        })
        server.on('clientError', () => {})
        await once(server.listen(port, '127.0.0.1'), 'listening')
        return server
      }
      let server = await start(0)
      const port = portOf(server)
      const proxy = await FaultProxy.start({ port })
      const total = 3_000
      const acknowledged = new Set<string>()
      let rounds = 0
      let restarts = 0
      const restarting = (async () => {
        for (let next = 100; acknowledged.size < total; next = acknowledged.size + 250) {
          while (acknowledged.size < Math.min(next, total)) await setTimeout(1)
          restarts++
          if (restarts % 2 === 0) await proxy.reset()
          else {
            await server.close({ graceMs: 1 })
            server = await start(port)
          }
        }
      })()
      for await (const { reader, writer } of connections(protocol, { ...local, port: proxy.port })) {
        rounds++
        const sending = (async () => {
          for (let n = 0; n < total; n++) {
            if (acknowledged.has(`${n}`)) continue
            await writer.writeMessage({ $name: 'Say', text: `${n}` })
            if (n % 50 === 0) await setTimeout(1)
          }
        })().catch(() => {})
        try {
          for await (const message of reader) {
            if (message.$name === 'Said') acknowledged.add(message.text)
            if (acknowledged.size === total) break
          }
        } catch {}
        if (acknowledged.size === total) {
          await sending
          break
        }
        writer.destroy()
        await sending
      }
      await restarting
      const kept = new Set(recorded)
      expect([...acknowledged].filter((text) => !kept.has(text))).to.deep.equal([])
      expect(acknowledged.size).to.equal(total)
      expect(restarts).to.be.above(1)
      expect(rounds).to.be.above(1)
      await proxy.close()
      await server.close({ graceMs: 1_000 })
    }).timeout(20_000)
  }),
)
