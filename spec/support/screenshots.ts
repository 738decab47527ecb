import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { type ChatConnection, launchChromium, strainedWindow, tapChat } from './window.ts'

// `npm run screenshots`: the pictures of the window in docs/command-line.md, of a small conversation. They look best with the fonts of
// apt-get install fonts-inter fonts-jetbrains-mono
// `npm run screenshots -- FOLDER`: instead the window at three widths, light and dark, with a conversation that strains it.

const FOLDER = join(__dirname, '..', '..', 'docs')
const SAID = [
  'Anyone up for lunch?',
  'Ramen at half past twelve',
  'In.',
  'Give me ten minutes, the build is nearly green.',
  'Mine too, except for one flaky spec.',
  'Is it the one that waits for the port?',
  'The very same.',
  'See you downstairs!',
]

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

async function talk(join: (name: string) => Promise<ChatConnection>, socket: () => { write(bytes: Buffer): unknown }) {
  const people = [await join('ann'), await join('bob')]
  for (let round = 0; round < 24; round++) {
    for (const [i, text] of SAID.entries()) {
      await people[(i + round) % people.length]?.writer.writeMessage({ $name: 'Say', room: 'lobby', text })
      await pause(5 + ((round * 7 + i * 13) % 40))
    }
    if (round === 23) socket().write(Buffer.from('0003000000070a0568656c6cff', 'hex'))
  }
  people.push(await join('carol'))
  await pause(50)
}

async function shoot(page: Page, name: string): Promise<void> {
  await pause(300)
  await page.screenshot({ path: join(FOLDER, `window-${name}.png`) })
}

const WIDTHS = [1280, 800, 400]

async function strain(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const { window, close } = await strainedWindow()
  const browser = await launchChromium()
  try {
    for (const width of WIDTHS) {
      for (const colorScheme of ['light', 'dark'] as const) {
        const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme })
        const shot = (name: string) => page.screenshot({ path: join(folder, `${width}-${colorScheme}-${name}.png`) })
        await page.goto(window.url)
        await page.getByRole('row').nth(3).waitFor()
        await pause(300)
        await shot('table')
        await page.getByRole('row').nth(2).click()
        await page.getByRole('treeitem', { name: 'text' }).first().click()
        await pause(300)
        await shot('message')
        await page.close()
      }
    }
  } finally {
    await browser.close()
    await close()
  }
}

export async function main(): Promise<void> {
  const [folder] = process.argv.slice(-1)
  if (folder !== undefined && !folder.endsWith('.ts')) return strain(folder)
  mkdirSync(FOLDER, { recursive: true })
  const chat = await tapChat({ title: '127.0.0.1:7001 → chat.example:7000' })
  const browser = await launchChromium()
  try {
    const page = await browser.newPage({ viewport: { width: 1240, height: 720 }, colorScheme: 'light' })
    await page.goto(chat.window.url)
    const enter = async (name: string) => {
      const client = await chat.client()
      client.reader.on('data', () => {})
      await client.writer.writeMessage({ $name: 'Join', room: 'lobby', name })
      return client
    }
    await talk(enter, () => chat.socket().on('error', () => {}))
    await page.getByRole('row', { name: 'Welcome' }).last().click()
    await page.getByRole('treeitem', { name: 'text' }).nth(1).click()
    await shoot(page, 'light')
    await page.emulateMedia({ colorScheme: 'dark' })
    await page.keyboard.press('Escape')
    await page.keyboard.press('f')
    await page.mouse.move(0, 0)
    await shoot(page, 'dark')
  } finally {
    await browser.close()
    await chat.close()
  }
}
