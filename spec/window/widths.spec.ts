import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { expect } from 'chai'
import type { Browser, Locator, Page } from 'playwright-core'
import { peer } from '../support/peers.ts'
import { chromiumPeer, launchChromium, strainedWindow } from '../support/window.ts'

const axeSource = readFileSync(createRequire(__filename).resolve('axe-core/axe.min.js'), 'utf8')

/**
 * What axe finds wrong with the page as it is: rules with the elements that break them. Contrast is among the rules. Of the lines of bytes
 * it looks at the first: they are alike, and of a thousand elements.
 */
async function violations(page: Page): Promise<string[]> {
  if (!(await page.evaluate('"axe" in globalThis'))) await page.evaluate(`(() => { ${axeSource} })()`)
  return (await page.evaluate(
    `axe.run({ exclude: ['.hex-line:nth-child(n + 3)'] }, { resultTypes: ['violations'] }).then(({ violations }) =>
       violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => id + ' ' + target + ' ' + failureSummary)))`,
  )) as string[]
}

describe('the page at any width, light and dark', () => {
  let browser: Browser
  let strained: Awaited<ReturnType<typeof strainedWindow>>
  let page: Page
  before(async function () {
    this.timeout(20_000)
    peer(this, chromiumPeer)
    browser = await launchChromium()
    strained = await strainedWindow()
    page = await browser.newPage({ bypassCSP: true })
    page.setDefaultTimeout(4000)
    await page.goto(strained.window.url)
    await page.getByRole('row').nth(3).waitFor()
    await page.getByRole('row').nth(2).click()
  })
  after(async () => {
    await browser?.close()
    await strained?.close()
  })

  /** A function of the page: here there is no DOM to write one against. */
  const inPage = <T>(body: string) => new Function('element', `return ${body}`) as (element: unknown) => T
  /** Whether all of an element is in sight, and nothing lies over its middle. */
  const inSight = (locator: Locator): Promise<boolean> =>
    locator.evaluate(
      inPage<boolean>(`(() => {
        const { left, top, right, bottom } = element.getBoundingClientRect()
        const within = left >= 0 && top >= 0 && right <= innerWidth && bottom < innerHeight + 1 && right > left
        const over = document.elementFromPoint((left + right) / 2, (top + bottom) / 2)
        return within && (element.contains(over) || over.contains(element))
      })()`),
    )

  for (const width of [1280, 800, 400]) {
    for (const colorScheme of ['light', 'dark'] as const) {
      it(`holds long names, long text and a deep tree at ${width} px, ${colorScheme}`, async () => {
        await page.setViewportSize({ width, height: 800 })
        await page.emulateMedia({ colorScheme })
        await page.getByRole('treeitem', { name: 'text' }).first().click()
        expect(await violations(page)).to.deep.equal([])

        const whole = page.getByRole('textbox', { name: 'text, whole' })
        expect(await whole.inputValue()).to.equal(strained.longText)
        await whole.scrollIntoViewIfNeeded()
        expect(
          await page.evaluate(
            '[document.scrollingElement.scrollTop, document.scrollingElement.scrollWidth <= innerWidth]',
          ),
        ).to.deep.equal([0, true])
        for (const part of [page.getByRole('searchbox'), page.locator('aside .connections button').first()])
          expect(await inSight(part)).to.equal(true)
        for (const button of await page.locator('.toolbar button, .detail-head button').all()) {
          await button.scrollIntoViewIfNeeded()
          expect(await inSight(button), String(await button.textContent())).to.equal(true)
        }
        // The first field: its long name leaves room for its number, its value and its kind.
        const field = page.getByRole('treeitem', { name: '= 1' }).first()
        await field.scrollIntoViewIfNeeded()
        for (const part of ['.key', '.number', '.value', '.kind']) {
          const element = field.locator(part).first()
          expect(await inSight(element), part).to.equal(true)
          expect(await element.evaluate(inPage<number>('element.offsetWidth')), part).to.be.above(10)
        }
        expect(await field.locator('.number').textContent()).to.equal('= 1')
      }).timeout(30_000)
    }
  }

  it('holds the editor and the differences, too', async () => {
    await page.getByRole('button', { name: 'Compare', exact: true }).click()
    await page.getByRole('row').nth(3).click()
    await page.getByRole('button', { name: 'Edit and send' }).click()
    for (const [width, colorScheme] of [
      [1280, 'light'],
      [400, 'dark'],
    ] as const) {
      await page.setViewportSize({ width, height: 800 })
      await page.emulateMedia({ colorScheme })
      expect(await violations(page)).to.deep.equal([])
      for (const part of ['.editor textarea', '.editor [type=submit]', '.editor select', '.differences button']) {
        const element = page.locator(part).first()
        await element.evaluate(inPage('element.scrollIntoView({ block: "center" })'))
        expect(await inSight(element), `${part} at ${width} px`).to.equal(true)
      }
      for (const part of ['.editor', '.differences'])
        expect(
          await page.locator(part).evaluate(inPage<boolean>('element.scrollWidth <= element.clientWidth')),
        ).to.equal(true)
    }
    await page.getByRole('button', { name: 'Compare no more' }).click()
    await page.getByRole('row').nth(2).click()
  }).timeout(30_000)

  it('goes down to the innermost level with keys', async () => {
    await page.setViewportSize({ width: 400, height: 800 })
    await page.getByRole('tree').focus()
    await page.keyboard.press('End')
    const innermost = page.getByRole('treeitem', { name: 'the innermost' })
    await innermost.locator('.value').scrollIntoViewIfNeeded()
    expect(await inSight(innermost.locator('.value'))).to.equal(true)
  }).timeout(30_000)
})
