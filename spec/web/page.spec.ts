import { expect } from 'chai'
import { type Market, serveMarket } from '../../examples/websocket/server.ts'
import { peer } from '../support/peers.ts'
import { chromiumPeer, launchChromium } from '../support/window.ts'

describe('a page under a strict Content-Security-Policy', function () {
  this.timeout(30_000)
  let market: Market
  before(async function () {
    peer(this, chromiumPeer)
    market = await serveMarket()
  })
  after(() => market?.close())

  it('speaks the protocol over a WebSocket: examples/websocket', async () => {
    const browser = await launchChromium()
    try {
      const page = await browser.newPage()
      const complaints: string[] = []
      page.on('console', (message) => complaints.push(message.text()))
      page.on('pageerror', (error) => complaints.push(error.message))
      const answer = await page.goto(market.url)
      expect(answer?.headers()['content-security-policy']).to.include("script-src 'self'")
      await page.locator('#end').filter({ hasText: /./ }).waitFor()
      const shown = await Promise.all(['snapshot', 'quote', 'end'].map((id) => page.locator(`#${id}`).textContent()))
      expect(shown).to.deep.equal(['[{"symbol":"ACME","bid":99.5,"ask":100.5}]', 'ACME 149.5 / 150.5', '50 quotes'])
      // The browser asks for an icon, which nobody has.
      expect(complaints.filter((text) => !text.includes('404'))).to.deep.equal([])
      expect(market.sent).to.equal(50)
    } finally {
      await browser.close()
    }
  })
})
