import { EventEmitter, once } from 'node:events'
import http from 'node:http'
import { expect } from 'chai'
import { Protocol } from '../../lib/index.ts'
import type { ObservedEvent } from '../../lib/window/observed.ts'
import { type OpenWindow, openWindow, type WindowOptions } from '../../lib/window/server.ts'
import { chat } from '../../schemas/chat.ts'
import { Page } from '../support/window-page.ts'

const protocol = Protocol.from(chat) as unknown as Protocol

const said = (index: number, size = 0): ObservedEvent => ({
  ...{ at: 1000 + index, connection: 1, direction: 'client', kind: 'frame', offset: 0 },
  bytes: new Uint8Array(6 + size),
})

describe('the window', () => {
  let tap: EventEmitter
  let window: OpenWindow
  const pages: Page[] = []
  const open = async (options: Partial<WindowOptions> = {}) => {
    tap = new EventEmitter()
    window = await openWindow(tap, protocol, { schema: chat, ...options })
  }
  const page = (...args: [origin?: string, takes?: boolean]): Page => {
    const opened = new Page(window.url, ...args)
    pages.push(opened)
    return opened
  }
  afterEach(async () => {
    for (const { socket } of pages.splice(0)) socket.terminate()
    await window.close()
  })

  describe('lets in', () => {
    const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
      new Promise<{ status: number; text: string; headers: http.IncomingHttpHeaders }>((resolve, reject) => {
        const { port } = new URL(window.url)
        http
          .request({ host: '127.0.0.1', port, path, method, headers }, async (response) => {
            const text = Buffer.concat(await response.toArray()).toString()
            resolve({ status: response.statusCode ?? 0, text, headers: response.headers })
          })
          .on('error', reject)
          .end()
      })

    it('who has the token, to every file of the page', async () => {
      await open()
      const { pathname } = new URL(window.url)
      const { status, text, headers } = await get(pathname)
      expect(status).to.equal(200)
      for (const [, file] of text.matchAll(/(?:src|href)="([^":,]+)"/g)) {
        expect((await get(`${pathname}${file}`)).status, file).to.equal(200)
      }
      expect(headers['content-security-policy']).to.include("default-src 'none'")
      expect((await get(`${pathname}other.js`)).status).to.equal(404)
      expect((await get(pathname, {}, 'POST')).status).to.equal(405)
    })

    it('nobody without it', async () => {
      await open()
      const { pathname } = new URL(window.url)
      const wrong = `/${'A'.repeat(pathname.length - 2)}/`
      for (const path of ['/', '/page.js', wrong, `${wrong}page.js`, `${wrong}frames`, `/x${pathname}`]) {
        expect((await get(path)).status, path).to.equal(403)
      }
    })

    it('nobody under another name than loopback has', async () => {
      await open()
      const { pathname, port } = new URL(window.url)
      expect((await get(pathname, { host: `localhost:${port}` })).status).to.equal(200)
      for (const host of [
        `evil.example:${port}`,
        '127.0.0.1',
        `127.0.0.1.evil.example:${port}`,
        `127.0.0.1:${Number(port) + 1}`,
      ]) {
        expect((await get(pathname, { host })).status, host).to.equal(403)
      }
    })

    it('no WebSocket of another origin, or without one, or with another token', async () => {
      await open()
      const { origin } = new URL(window.url)
      const other = window.url.replace(/[^/]{8}\/$/, 'AAAAAAAA/')
      const attempts: [string, string][] = [
        [window.url, 'http://evil.example'],
        [window.url, 'null'],
        [window.url, ''],
        [other, origin],
      ]
      for (const [url, from] of attempts) {
        const { socket } = new Page(url, from)
        const [error] = await once(socket, 'error')
        expect((error as Error).message, `${url} from ${from}`).to.include('403')
      }
    })
  })

  it('says what is observed, then what passes and its sums', async () => {
    await open({ title: 'a → b' })
    const only = page()
    tap.emit('event', { at: 1, connection: 1, direction: 'client', kind: 'open', peer: '127.0.0.1:5' })
    tap.emit('event', { ...said(1), error: 'broken' })
    await only.until((heard) => heard.some(({ $name }) => $name === 'Totals'))
    const [hello, opened, frame, totals] = only.heard
    expect(hello).to.include({ $name: 'Hello', title: 'a → b', header: 'type:u16 length:u32', package: 'chat' })
    expect(opened).to.include({ $name: 'Event', index: 0, kind: 1, peer: '127.0.0.1:5' })
    expect(frame).to.include({ $name: 'Event', index: 1, kind: 0, error: 'broken' })
    expect(totals).to.deep.include({ $name: 'Totals', connection: 1 })
    expect(totals && 'client' in totals && totals.client).to.include({ frames: 1, bytes: 6, faults: 1 })
  })

  it('keeps the newest for pages to come, by count and by bytes, and says how many are gone', async () => {
    await open({ maxEvents: 10, maxBytes: 1000 })
    for (let i = 0; i < 25; i++) tap.emit('event', said(i))
    const first = page()
    await first.until((heard) => heard.some((message) => message.$name === 'Event' && message.index === 24))
    expect(first.heard[1]).to.include({ $name: 'Dropped', events: 15 })
    expect(first.heard.filter(({ $name }) => $name === 'Event')).to.have.lengthOf(10)
    tap.emit('event', said(99, 2000))
    await first.until((heard) => heard.filter(({ $name }) => $name === 'Event').length === 11)
  })

  it('waits for a page that does not take, at a bounded memory, and drops the oldest for it', async () => {
    await open({ maxEvents: 1000, maxBytes: 2 ** 20 })
    const slow = page(undefined, false)
    await slow.until((heard) => heard.length > 0)
    const size = 64 * 1024
    const emit = async (count: number) => {
      for (let i = 0; i < count; i++) {
        tap.emit('event', said(i, size))
        if (i % 8 === 7) await new Promise((resolve) => setTimeout(resolve, 2))
      }
      await new Promise((resolve) => setTimeout(resolve, 150))
    }
    await emit(400)
    const events = () => slow.heard.filter(({ $name }) => $name === 'Event').length
    const ahead = events()
    expect(ahead * size).to.be.below(6 * 2 ** 20)
    await emit(50)
    expect(events()).to.equal(ahead)
    slow.take()
    await slow.until((heard) => heard.some(({ $name }) => $name === 'Dropped'))
    await slow.until(() => events() > ahead)
  }).timeout(15_000)

  it('closes with its pages', async () => {
    await open()
    const one = page()
    await one.until((heard) => heard.length > 0)
    const closed = once(one.socket, 'close')
    await window.close()
    await closed
    expect(tap.listenerCount('event')).to.equal(0)
  })

  it('survives a page that says something else', async () => {
    await open()
    const strange = page()
    await strange.until((heard) => heard.length > 0)
    strange.socket.send(Buffer.from('999900000000', 'hex'))
    await once(strange.socket, 'close')
    const next = page()
    await next.until((heard) => heard.length > 0)
  })

  it('survives pages that go away while frames load, however early', async () => {
    await open()
    const unheard: unknown[] = [] // Outside of mocha each of them ends the process.
    const onUnheard = (reason: unknown) => unheard.push(reason)
    process.on('unhandledRejection', onUnheard)
    for (let i = 0; i < 300; i++) tap.emit('event', said(i, 64 * 1024))
    for (const wait of ['open', 'message', 'upgrade', 'none'] as const) {
      const gone = page()
      gone.socket.on('error', () => {})
      if (wait !== 'none') await once(gone.socket, wait)
      gone.socket.terminate()
    }
    // Ones that have stopped reading: the window's write waits when they go.
    for (const ms of [0, 5, 30]) {
      const stalled = page(undefined, false)
      await once(stalled.socket, 'open')
      stalled.socket.pause()
      await new Promise((resolve) => setTimeout(resolve, ms))
      stalled.socket.terminate()
      await new Promise((resolve) => setTimeout(resolve, 150))
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
    const next = page()
    await next.until((heard) => heard.some((message) => message.$name === 'Event' && message.index === 299))
    process.off('unhandledRejection', onUnheard)
    expect(unheard).to.deep.equal([])
  })
})
