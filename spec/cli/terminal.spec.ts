import { expect } from 'chai'
import { dispatch } from '../../lib/cli/command/dispatch.ts'
import type { Io } from '../../lib/cli/command/verb.ts'
import { VERB_NAMES } from '../../lib/cli/command/verbs.ts'

/** What the command prints on a terminal of so many columns; without one where none are given. */
async function printed(args: string[], columns: number | undefined, env: NodeJS.ProcessEnv = {}): Promise<string> {
  let text = ''
  const stdout = { columns, isTTY: columns !== undefined, write: (part: string) => (text += part) }
  await dispatch(args, { stdout, stderr: stdout, env, signal: new AbortController().signal } as unknown as Io)
  return text
}

/** A word that is longer than a line cannot be kept within it. */
const withoutLongWords = (text: string) => text.split('\n').filter((line) => /\S \S/.test(line.trim()))

describe('help', () => {
  for (const columns of [40, 60, 80])
    it(`keeps within a terminal of ${columns} columns`, async () => {
      for (const args of [[], ...VERB_NAMES.map((name) => [name, '--help'])]) {
        const [help = ''] = (await printed(args, columns)).split('\nExample:\n')
        // The words that cannot be cut: '{client: "Request", server: "Response"}'.
        for (const line of withoutLongWords(help))
          if (!line.includes("'{")) expect(line.length, line).to.be.at.most(columns)
      }
    })

  it('is as wide as is good to read where there is no terminal, a wider one, or one that does not say how wide it is', async () => {
    const usual = await printed(['decode', '--help'], undefined)
    for (const columns of [0, 92, 500]) expect(await printed(['decode', '--help'], columns)).to.equal(usual)
    for (const COLUMNS of ['', 'wide', '-5', '0', '1000'])
      expect(await printed(['decode', '--help'], undefined, { COLUMNS })).to.have.lengthOf.at.least(usual.length)
  })

  it('takes COLUMNS where there is no terminal', async () => {
    const narrow = await printed(['decode', '--help'], undefined, { COLUMNS: '40' })
    expect(narrow).to.equal(await printed(['decode', '--help'], 40))
  })
})
