// The market of examples/feed.ts, reduced to one symbol, for pages: an HTTP server, a page under a strict Content-Security-Policy, and a
// WebSocket server on the same port.

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { build } from 'esbuild'
import { Protocol } from '../../lib/index.ts'
import { createWebSocketServer } from '../../lib/ws/index.ts'
import { feed } from '../../schemas/feed.ts'

/** Scripts of this server alone, none of them made of text, and connections back to it. */
const POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'"
const QUOTES = 50

/** The page's program, as one file. */
async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(__dirname, 'page.ts')],
    ...{ bundle: true, format: 'esm', minify: true, write: false, platform: 'browser', target: 'es2022' },
  })
  return outputFiles?.[0]?.text ?? ''
}

export interface Market {
  readonly url: string
  /** Quotes that were sent to pages. */
  readonly sent: number
  close(): Promise<void>
}

/** Serves page and market on a free port of this machine. */
export async function serveMarket(): Promise<Market> {
  const files: Record<string, [type: string, text: string]> = {
    '/': ['text/html', readFileSync(join(__dirname, 'page.html'), 'utf8')],
    '/page.js': ['text/javascript', await bundle()],
  }
  const http = createServer(({ url = '' }, response) => {
    const [type, text] = files[url] ?? ['text/plain', 'not found\n']
    response.writeHead(files[url] === undefined ? 404 : 200, {
      'content-type': type,
      'content-security-policy': POLICY,
    })
    response.end(text)
  })

  let sent = 0
  const market = createWebSocketServer(Protocol.from(feed), { server: http, path: '/feed' }, async (reader, writer) => {
    const message = await reader.readMessage()
    if (message?.$name !== 'Subscribe') throw new Error(`a page sent ${message?.$name}`)
    const [symbol = 'ACME'] = message.symbols
    await writer.writeMessage({ $name: 'Snapshot', quotes: [{ symbol, bid: 99.5, ask: 100.5 }] })
    for (let sequence = 1; sequence <= QUOTES; sequence++, sent++) {
      await writer.writeMessage({ $name: 'Quote', symbol, sequence, bid: 99.5 + sequence, ask: 100.5 + sequence })
      if (sequence % 10 === 0) await wait(5)
    }
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/`,
    get sent() {
      return sent
    },
    async close() {
      await market.close()
      http.closeAllConnections()
      http.close()
    },
  }
}
