import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import { build } from 'esbuild'
import type { Browser } from 'playwright-core'
import { serveMarket } from '../../examples/websocket/server.ts'
import { Protocol } from '../../lib/index.ts'
import { createWebSocketServer } from '../../lib/ws/index.ts'
import { Accounts, accounts } from '../calls/accounts.ts'
import { accountsHandlers, converse } from '../support/accounts-handlers.ts'
import { ROOT } from '../support/pages.ts'
import { peer } from '../support/peers.ts'
import { chromiumPeer, launchChromium } from '../support/window.ts'

const POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'"

/** A page that calls the server, and serves it, by every kind of call. */
const CALLING_PAGE = `
  import { calls, connect, Protocol } from './lib/web/index.ts'
  import { Accounts, accounts } from './spec/calls/accounts.ts'
  import { accountsHandlers, converse } from './spec/support/accounts-handlers.ts'

  async function talk() {
    const connection = await connect(Protocol.from(accounts, { calls: calls() }), 'ws://' + location.host)
    void connection.serve(Accounts, accountsHandlers)
    await converse(connection.client(Accounts))
    const { number } = await connection.reader.readMessage() // The server has called, too.
    return number + ' ' + (await connection.close())
  }
  const show = (text) => (document.getElementById('end').textContent = text)
  talk().then(show, (fault) => show(fault.stack))`

describe('a page under a strict Content-Security-Policy', function () {
  this.timeout(30_000)
  let browser: Browser
  before(async function () {
    peer(this, chromiumPeer)
    browser = await launchChromium()
  })
  after(() => browser?.close())

  /** Opens a page, and hands out what it complains of. */
  const visit = async (url: string) => {
    const page = await browser.newPage()
    const complaints: string[] = []
    page.on('console', (message) => complaints.push(message.text()))
    page.on('pageerror', (error) => complaints.push(error.message))
    const answer = await page.goto(url)
    expect(answer?.headers()['content-security-policy']).to.include("script-src 'self'")
    // The browser asks for an icon, which nobody has.
    return { page, complaints: () => complaints.filter((text) => !text.includes('404')) }
  }

  it('speaks the protocol over a WebSocket: examples/websocket', async () => {
    const market = await serveMarket()
    try {
      const { page, complaints } = await visit(market.url)
      await page.locator('#end').filter({ hasText: /./ }).waitFor()
      const shown = await Promise.all(['snapshot', 'quote', 'end'].map((id) => page.locator(`#${id}`).textContent()))
      expect(shown).to.deep.equal(['[{"symbol":"ACME","bid":99.5,"ask":100.5}]', 'ACME 149.5 / 150.5', '50 quotes'])
      expect(complaints()).to.deep.equal([])
      expect(market.sent).to.equal(50)
    } finally {
      await market.close()
    }
  })

  it('calls, and is called', async () => {
    const stdin = { contents: CALLING_PAGE, resolveDir: ROOT, loader: 'ts' } as const
    const { outputFiles } = await build({ stdin, bundle: true, format: 'esm', write: false, platform: 'browser' })
    const http = createServer(({ url }, response) => {
      const isProgram = url === '/page.js'
      response.writeHead(200, {
        'content-type': isProgram ? 'text/javascript' : 'text/html',
        'content-security-policy': POLICY,
      })
      response.end(isProgram ? outputFiles[0]?.text : '<p id="end"></p><script type="module" src="page.js"></script>')
    })
    const server = createWebSocketServer(
      Protocol.from(accounts, { calls: true }),
      { server: http },
      async (_reader, writer, connection) => {
        const ended = connection.serve(Accounts, accountsHandlers)
        await converse(connection.client(Accounts))
        await writer.writeMessage({ $name: 'News', number: 7 })
        await ended
      },
    )
    const faults: Error[] = []
    server.connections.on('clientError', (fault) => faults.push(fault))
    http.listen(0, '127.0.0.1')
    await once(http, 'listening')
    try {
      const { page, complaints } = await visit(`http://127.0.0.1:${(http.address() as AddressInfo).port}/`)
      const end = page.locator('#end').filter({ hasText: /./ })
      expect([await end.textContent(), complaints(), faults]).to.deep.equal(['7 null', [], []])
    } finally {
      await server.close()
      http.closeAllConnections()
      http.close()
    }
  })
})
