import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import type { Browser, Download, Locator, Page } from 'playwright-core'
import { FrameParser } from '../../lib/framing/frame-parser.ts'
import { peer } from '../support/peers.ts'
import {
  type ChatConnection,
  chatProtocol,
  chromiumPeer,
  launchChromium,
  type TappedChat,
  tapChat,
} from '../support/window.ts'

// What a person sees, in a browser, of a real conversation through the tap.
describe('the page', () => {
  let browser: Browser
  before(async function () {
    this.timeout(20_000)
    peer(this, chromiumPeer)
    browser = await launchChromium()
  })
  after(async () => {
    await browser?.close()
  })

  let chat: TappedChat
  let page: Page
  const faults: string[] = []
  beforeEach(async function () {
    this.timeout(15_000)
    chat = await tapChat()
    page = await browser.newPage({ viewport: { width: 1400, height: 860 } })
    page.setDefaultTimeout(4000)
    page.on('pageerror', (error) => faults.push(String(error)))
    page.on('console', (message) => {
      if (message.type() === 'error') faults.push(message.text())
    })
    await page.goto(chat.window.url)
  })
  afterEach(async () => {
    await page?.close()
    await chat?.close()
    expect(faults.splice(0)).to.deep.equal([])
  })

  const rows = (text?: string): Locator => page.getByRole('row', text === undefined ? {} : { name: text })
  /** The names of the rows shown, once there are so many. */
  const names = async (count: number): Promise<string[]> => {
    await page.waitForFunction(`document.querySelectorAll('[role=row]').length === ${count}`)
    return page.locator('[role=row] .name').allInnerTexts()
  }
  const shown = () => page.locator('.shown').innerText()
  const join = async (name: string): Promise<ChatConnection> => {
    const client = await chat.client()
    await client.writer.writeMessage({ $name: 'Join', room: 'lobby', name })
    await client.reader.readMessage()
    return client
  }
  const say = async (client: ChatConnection, text: string) => {
    await client.writer.writeMessage({ $name: 'Say', room: 'lobby', text })
    await client.reader.readMessage()
  }
  /** The bytes that are marked, in hex. */
  const marked = async (): Promise<string> => (await page.locator('.cells .marked').allInnerTexts()).join('')
  /** Waits for the page to draw what was asked for. */
  const eventually = async (check: () => Promise<unknown>): Promise<void> => {
    const until = Date.now() + 2000
    for (;;) {
      try {
        await check()
        return
      } catch (fault) {
        if (Date.now() > until) throw fault
        await page.waitForTimeout(10)
      }
    }
  }

  it('waits for the first message, and says where to point a client', async () => {
    await page.getByText('Waiting for the first message').waitFor()
    await eventually(async () => expect(await page.locator('.empty code').innerText()).to.match(/^127\.0\.0\.1:\d+$/))
    await eventually(async () => expect(await page.getByRole('status').innerText()).to.equal('live'))
  })

  it('shows what passes, as it passes: who sent it, its name, its size, its content', async () => {
    const ann = await join('ann')
    expect(await names(4)).to.deep.equal(['connected', chat.reached, 'Join', 'Welcome'])
    const join_ = rows('Join').first()
    await eventually(async () => expect(await join_.locator('.direction').innerText()).to.equal('→'))
    await eventually(async () => expect(await join_.locator('.size').innerText()).to.equal('18'))
    await eventually(async () =>
      expect(await join_.locator('.summary').innerText()).to.equal('room: "lobby", name: "ann"'),
    )
    await eventually(async () => expect(await join_.locator('.time').innerText()).to.match(/^\d\d:\d\d:\d\d\.\d{3}$/))
    await eventually(async () => expect(await rows('Welcome').locator('.direction').innerText()).to.equal('←'))
    await say(ann, 'hello')
    expect((await names(6)).slice(4)).to.deep.equal(['Say', 'Said'])
    await ann.close()
    expect((await names(8)).slice(6)).to.deep.equal(['ended', 'ended'])
  })

  it('filters by text, name, connection and direction', async () => {
    const ann = await join('ann')
    const bob = await join('bob')
    await ann.reader.readMessage()
    await say(ann, 'apples')
    await bob.reader.readMessage()
    await say(bob, 'pears')
    const all = await names(15)
    expect(all.filter((name) => name === 'Said')).to.have.lengthOf(4)

    await page.keyboard.press('/')
    await page.keyboard.type('APPLES')
    expect(await names(3)).to.deep.equal(['Say', 'Said', 'Said'])
    await eventually(async () => expect(await shown()).to.equal('3 of 15 rows'))
    await page.keyboard.press('Escape')
    await names(15)

    await page.getByLabel('Filter by text').fill('0x70 65 61 72')
    expect(await names(3)).to.deep.equal(['Say', 'Said', 'Said'])
    await page.getByLabel('Filter by text').fill('')

    await page.locator('aside .names button', { hasText: 'Said' }).click()
    await names(4)
    await page.locator('aside .names button', { hasText: 'Joined' }).click({ modifiers: ['Control'] })
    expect(new Set(await names(5))).to.deep.equal(new Set(['Said', 'Joined']))
    await page.locator('aside .connections button', { hasText: ':' }).first().click() // The newest: bob's.
    await names(2)
    await page.getByRole('button', { name: 'Show all' }).click()
    await names(15)

    await page.getByTitle('From the client').first().click()
    expect(await names(6)).to.deep.equal(['connected', 'Join', 'connected', 'Join', 'Say', 'Say'])
    await page.getByLabel('Filter by text').fill('nothing like it')
    await page.getByText('Nothing passes the filter').waitFor()
  })

  it("shows a message's fields beside its bytes, and marks the bytes of the chosen field, both ways", async () => {
    await join('ann')
    await rows('Welcome').click()
    const tree = page.getByRole('tree')
    await eventually(async () =>
      expect(await tree.locator('.key').allInnerTexts()).to.deep.equal(['header', 'Welcome', 'room', 'members[0]']),
    )
    expect((await page.locator('.cells b').allInnerTexts()).join('')).to.equal(
      '00040000000c' + '0a056c6f626279' + '1203616e6e',
    )

    await tree.getByRole('treeitem', { name: 'members[0]' }).click()
    await eventually(async () => expect(await marked()).to.equal('1203616e6e'))
    expect((await page.locator('.cells .marked.tag').allInnerTexts()).join('')).to.equal('1203')

    await page.locator('.cells b').nth(9).click() // Inside "lobby".
    await eventually(async () => expect(await tree.locator('.chosen .key').innerText()).to.equal('room'))
    await eventually(async () => expect(await marked()).to.equal('0a056c6f626279'))

    await page.locator('.letters b').nth(5).click() // In the header, which opens.
    await eventually(async () => expect(await tree.locator('.chosen').innerText()).to.match(/^\s*length\s*12\s*u32/))
    await eventually(async () => expect(await marked()).to.equal('0000000c'))
    await eventually(async () =>
      expect(await tree.locator('.key').allInnerTexts()).to.include.members(['type', 'length']),
    )

    await tree.focus()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowDown')
    await eventually(async () => expect(await tree.locator('.chosen .key').innerText()).to.equal('room'))
    await page.keyboard.press('Escape')
    await eventually(async () => expect(await page.getByRole('tree').count()).to.equal(0))
  })

  it('is used with keys alone', async () => {
    await join('ann')
    await names(4)
    await page.keyboard.press('Home')
    await page.keyboard.press('j')
    await page.keyboard.press('ArrowDown')
    await eventually(async () => expect(await page.locator('.line.chosen .name').innerText()).to.equal('Join'))
    await eventually(async () => expect(await page.locator('.detail h2').innerText()).to.equal('Join'))
    await page.keyboard.press('End')
    await eventually(async () => expect(await page.locator('.detail h2').innerText()).to.equal('Welcome'))
    await page.keyboard.press('Escape')
    await eventually(async () => expect(await page.locator('.detail').count()).to.equal(0))
  })

  it('pauses the view, not the tap', async () => {
    const ann = await join('ann')
    await names(4)
    await page.keyboard.press('Space')
    await page.locator('.state.paused').waitFor()
    await say(ann, 'while you look away')
    await page.getByRole('button', { name: 'Resume · 2 new' }).waitFor()
    await names(4)
    await page.getByRole('button', { name: /^Resume/ }).click()
    expect((await names(6)).slice(4)).to.deep.equal(['Say', 'Said'])
  })

  it('sums up each connection, whatever is shown of it', async () => {
    const ann = await join('ann')
    await say(ann, 'hi')
    const connection = page.locator('aside .connections li')
    await connection.locator('.total', { hasText: '4 · 82 B' }).waitFor()
    await eventually(async () => expect(await connection.locator('.sums .client').innerText()).to.equal('→ 2'))
    await eventually(async () => expect(await connection.locator('.sums .server').innerText()).to.equal('← 2'))
    await eventually(async () =>
      expect(await connection.locator('.rate').innerText()).to.match(/^[\d.]+\/s · [\d.]+ k?B\/s$/),
    )
    await eventually(async () => expect(await page.locator('aside .names li').allInnerTexts()).to.have.lengthOf(4))
    await page.getByRole('button', { name: 'Clear' }).click()
    await eventually(async () => expect(await connection.locator('.total').innerText()).to.equal('4 · 82 B'))
    await eventually(async () => expect(await page.locator('.totals').innerText()).to.include('4 frames · 82 B'))
    await ann.close()
    await connection.getByText('closed').waitFor()
  })

  it("shows a field's number beside its name", async () => {
    await join('ann')
    await rows('Welcome').click()
    const member = page.getByRole('treeitem', { name: 'members[0]' })
    await eventually(async () => expect(await member.locator('.number').innerText()).to.equal('= 2'))
  })

  it('shows fields that the schema lacks by their numbers: a text as text, what reads as a message by its fields', async () => {
    const socket = chat.socket()
    socket.on('error', () => {})
    // Say { room: "lobby" }, and the unknown fields 7: 5, 8: "ann", 9: { 2: 5 }.
    socket.write(Buffer.from('000300000012' + '0a056c6f626279' + '3805' + '4203616e6e' + '4a021005', 'hex'))
    await rows('Say').first().click()
    const texts = async () =>
      (await page.locator('.node').allInnerTexts()).map((text) => text.split(/\s+/).filter(Boolean).join(' '))
    await eventually(async () =>
      expect((await texts()).slice(2)).to.deep.equal([
        'room = 1 "lobby" string',
        '#7 5 unknown varint',
        '#8 "ann" unknown text',
        '▾ #9 1 unknown message',
        '#2 5 unknown varint',
      ]),
    )
    socket.destroy()
  })

  it('keeps the filter when the page is loaded again', async () => {
    await join('ann')
    await names(4)
    await page.getByLabel('Filter by text').fill('ann')
    await page.getByTitle('From the client').first().click()
    expect(await names(1)).to.deep.equal(['Join'])
    await page.reload()
    expect(await names(1)).to.deep.equal(['Join'])
    expect(await page.getByLabel('Filter by text').inputValue()).to.equal('ann')
    await page.getByRole('button', { name: 'Show all' }).click()
    await page.reload()
    await names(4)
  })

  it('copies a message as the command that sends it again', async () => {
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    const ann = await join('ann')
    await say(ann, "it's me")
    await rows('Say').first().click()
    await page.getByRole('button', { name: 'Copy as qbp send' }).click()
    const target = chat.reached.replace('reached ', '')
    const command = `qbp send ${target} 'Say {"room":"lobby","text":"it'\\''s me"}' --schema schemas/chat.proto`
    await eventually(async () => expect(await page.evaluate('navigator.clipboard.readText()')).to.equal(command))
  })

  it('sends an edited message on, in the name of its side', async () => {
    const ann = await join('ann')
    await say(ann, 'hi')
    await rows('Say').first().click()
    await page.getByRole('button', { name: 'Edit and send' }).click()
    const editor = page.getByLabel('The message as JSON')
    expect(JSON.parse(await editor.inputValue())).to.deep.equal({
      ...{ name: 'Say', type: 3, message: { room: 'lobby', text: 'hi' } },
    })
    await editor.fill('{"name": "Say", "message": {"room": "lobby", "text": 5}}')
    await page.getByRole('button', { name: 'Send', exact: true }).click()
    await page.locator('.editor output.wrong', { hasText: 'text' }).waitFor()
    await editor.fill('{"name": "Say", "message": {"room": "lobby", "text": "edited"}}')
    const answer = ann.reader.readMessage()
    await page.getByRole('button', { name: 'Send', exact: true }).click()
    expect(await answer).to.include({ $name: 'Said', text: 'edited' })
    await page.locator('.editor output', { hasText: 'Sent on connection 1' }).waitFor()
    await rows('sent from here').first().waitFor()
    await page.getByLabel('To', { exact: true }).selectOption('server')
    const pushed = ann.reader.readMessage()
    await editor.fill('{"name": "Left", "message": {"room": "lobby", "name": "nobody"}}')
    await editor.press('Control+Enter')
    expect(await pushed).to.include({ $name: 'Left', name: 'nobody' })
  })

  it('compares two messages, field by field', async () => {
    const ann = await join('ann')
    await say(ann, 'one')
    await say(ann, 'two')
    await rows('Say').first().click()
    await page.getByRole('button', { name: 'Compare', exact: true }).click()
    await rows('Say').nth(1).click()
    const differing = page.getByLabel('Differences')
    await eventually(async () =>
      expect(await differing.locator('tbody tr').allInnerTexts()).to.deep.equal(['text\t"one"\t"two"']),
    )
    await differing.getByRole('button', { name: 'Compare no more' }).click()
    await eventually(async () => expect(await differing.count()).to.equal(0))
  })

  it('pairs requests and answers by a field, and leads from one to the other', async () => {
    await page.close()
    await chat.close()
    chat = await tapChat({ pair: 'room' })
    page = await browser.newPage({ viewport: { width: 1400, height: 860 } })
    await page.goto(chat.window.url)
    await join('ann')
    await rows('asks lobby').first().click()
    await page.getByRole('button', { name: 'To the answer' }).click()
    await eventually(async () => expect(await page.locator('.detail h2').innerText()).to.equal('Welcome'))
    await eventually(async () =>
      expect(await page.locator('.line.chosen .summary').innerText()).to.match(/^answers lobby in [\d.]+ m?s · /),
    )
    await page.getByRole('button', { name: 'To the request' }).click()
    await eventually(async () => expect(await page.locator('.detail h2').innerText()).to.equal('Join'))
  })

  it('exports what it shows, as JSON lines and as bytes', async () => {
    const ann = await join('ann')
    await say(ann, 'hi')
    await names(6)
    const save = async (button: string, count = 1): Promise<Download[]> => {
      const downloads: Download[] = []
      page.on('download', (download) => downloads.push(download))
      await page.getByRole('button', { name: button }).click()
      while (downloads.length < count) await page.waitForTimeout(10)
      return downloads
    }
    const [lines] = await save('JSON lines')
    expect(lines?.suggestedFilename()).to.match(/^qbp-tap-.*\.jsonl$/)
    const messages = readFileSync((await lines?.path()) ?? '', 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(messages.map(({ name }) => name)).to.deep.equal(['Join', 'Welcome', 'Say', 'Said'])
    expect(messages[0]).to.deep.equal({
      name: 'Join',
      type: 1,
      offset: 0,
      length: 12,
      message: { room: 'lobby', name: 'ann' },
    })
    expect(messages[2]).to.include({ offset: 18 })
    expect(messages[3].message.at).to.match(/^\d{13}$/)

    const files = await save('Bytes', 2)
    expect(files.map((file) => file.suggestedFilename().replace(/.*-/, ''))).to.deep.equal(['client.bin', 'server.bin'])
    const frames = new FrameParser(chatProtocol.header, 1 << 20)
    frames.feed(readFileSync((await files[0]?.path()) ?? ''))
    const types = []
    while (frames.next()) types.push(frames.type)
    frames.finish()
    expect(types).to.deep.equal([1, 3])
  })

  it('shows what does not decode, and why', async () => {
    const socket = chat.socket()
    socket.on('error', () => {})
    socket.write(Buffer.from('0003000000050a036f6fff' + '270f00000002' + '0801', 'hex'))
    socket.write(Buffer.from('0003ffffffff0011', 'hex'))
    await rows('fault').waitFor()
    const broken = rows('Say').first()
    await eventually(async () =>
      expect(await broken.locator('.summary').innerText()).to.include('text that is not UTF-8'),
    )
    await broken.click()
    await eventually(async () =>
      expect(await page.locator('.node.wrong').innerText()).to.include('text that is not UTF-8'),
    )
    await rows('type 9999').click()
    await eventually(async () =>
      expect(await page.locator('.node', { hasText: '#1' }).innerText()).to.include('unknown varint'),
    )
    await rows('fault').click()
    await eventually(async () =>
      expect(await page.locator('.detail .fault').innerText()).to.include('4294967295 bytes is announced'),
    )
    socket.destroy()
  })

  it('stays smooth over 100,000 rows, and says how many are gone', async () => {
    const ann = await join('ann')
    const before = { at: Date.now(), connection: 1, direction: 'client', kind: 'frame', offset: 0 } as const
    const bytes = Buffer.from('0003000000100a056c6f6262791207666c6f6f64203f', 'hex')
    for (let i = 0; i < 100_000; i++) {
      chat.tap.emit('event', { ...before, at: before.at + i / 100, bytes })
      if (i % 5000 === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await say(ann, 'the last')
    await rows('the last').first().waitFor({ timeout: 10_000 })
    await eventually(async () => expect(await shown()).to.equal('50,000 rows'))
    await eventually(async () =>
      expect(await page.locator('.dropped').innerText()).to.equal('50,006 older rows dropped'),
    )
    await eventually(async () => expect(await page.locator('.virtual [role=row]').count()).to.be.below(80))
    // Scrolling through it: what is not seen is not there.
    await page.evaluate(`new Promise((resolve) => {
      const scroller = document.querySelector('[role=grid]')
      let steps = 0
      const step = () => {
        scroller.scrollTop = (steps * 7919 * 26) % scroller.scrollHeight
        if (++steps < 30) requestAnimationFrame(step); else resolve()
      }
      requestAnimationFrame(step)
    })`)
    expect(await page.locator('.virtual [role=row]').count()).to.be.below(80)
    await page.getByLabel('Filter by text').fill('the last')
    await page.waitForFunction(`document.querySelector('.shown').innerText === '2 of 50,000 rows'`)
  }).timeout(20_000)

  it('refuses a wrong token', async () => {
    const response = await page.goto(chat.window.url.replace(/[^/]{6}\/$/, 'wrong1/'))
    expect(response?.status()).to.equal(403)
    await eventually(async () => expect(await page.innerText('body')).to.include('Forbidden'))
    faults.length = 0 // The browser's own line about the 403.
  })

  it('says so when the tap is gone', async () => {
    await page.getByText('Waiting').waitFor()
    await chat.window.close()
    await page.locator('.state.lost').waitFor()
    faults.length = 0 // The browser's own lines about its attempts to come back.
  })
})
