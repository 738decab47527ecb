import { readdirSync, readFileSync } from 'node:fs'
import { expect } from 'chai'
import { dispatch } from '../../lib/cli/command/dispatch.ts'
import type { Verb } from '../../lib/cli/command/verb.ts'
import { cli } from '../support/cli.ts'

describe('qbp', () => {
  const verbs = readdirSync('lib/cli/verbs').flatMap((file) => /^(.*)\.ts$/.exec(file)?.[1] ?? [])
  const load = (name: string): Verb => require(`../../lib/cli/verbs/${name}.ts`).run

  it('lists its verbs, all of them', async () => {
    for (const args of [[], ['help'], ['--help'], ['-h'], ['help', 'help']]) {
      const { code, stdout } = await cli(dispatch, args)
      expect(code, args.join(' ')).to.equal(0)
      for (const name of verbs) expect(stdout).to.match(new RegExp(`^  ${name} +\\w`, 'm'))
    }
  })

  for (const name of verbs) {
    it(`says in the help of ${name} what its table has, by either way of asking`, async () => {
      const { code, stdout } = await cli(dispatch, [name, '--help'])
      expect(code).to.equal(0)
      expect(await cli(dispatch, ['help', name])).to.include({ code: 0, stdout })
      const { form } = load(name)
      expect(form.name).to.equal(name)
      const listed = [...stdout.matchAll(/^ {2}(?:-\w, | {4})--([\w-]+)/gm)].map(([, option]) => option)
      expect(listed).to.deep.equal([...Object.keys(form.options), 'help'])
      for (const [option, { type, value }] of Object.entries(form.options))
        expect(value === undefined, `--${option} has a value in the help where it takes one`).to.equal(
          type === 'boolean',
        )
      for (const line of stdout.split('\n')) expect(line).to.have.property('length').below(101)
    })
  }

  it('prints its version', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
    for (const word of ['--version', '-V', 'version'])
      expect(await cli(dispatch, [word])).to.include({ code: 0, stdout: `${version}\n` })
  })

  it('answers a verb that is none with exit code 2 and the list', async () => {
    for (const args of [['decodes'], ['constructor'], ['__proto__'], ['help', 'decodes']]) {
      const { code, stderr } = await cli(dispatch, args)
      expect(code, args.join(' ')).to.equal(2)
      expect(stderr).to.match(/^qbp: there is no verb '\w+'\.\nUsage:/)
    }
  })
})
