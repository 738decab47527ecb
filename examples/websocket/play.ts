//   npm run websocket             opens the page in Chromium, prints what it shows, and ends by itself
//   npm run websocket -- --stay   serves until Ctrl-C, for a browser of yours

import { once } from 'node:events'
import { chromium } from 'playwright-core'
import { serveMarket } from './server.ts'

export async function main(): Promise<void> {
  const market = await serveMarket()
  console.log(`The market is at ${market.url}.`)
  if (process.argv.includes('--stay')) await once(process, 'SIGINT')
  else await visit(market.url)
  await market.close()
  console.log(`${market.sent} quotes were sent. All closed.`)
}

async function visit(url: string): Promise<void> {
  const browser = await chromium.launch({
    executablePath: process.env.QBP_CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
  })
  try {
    const page = await browser.newPage()
    page.on('console', (message) => console.log(`the page: ${message.text()}`))
    page.on('pageerror', (error) => console.log(`the page: ${error.message}`))
    await page.goto(url)
    await page.locator('#end').filter({ hasText: /./ }).waitFor()
    for (const id of ['snapshot', 'quote', 'end'])
      console.log(`The page shows: ${await page.locator(`#${id}`).textContent()}`)
  } finally {
    await browser.close()
  }
}
