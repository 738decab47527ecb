import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { pageText, programs, protoName } from '../support/pages.ts'
import { binariesOf, type EmptyFolder, emptyFolder, tarball } from '../support/tarball.ts'

const LIMIT_MS = 300_000

/** The names of README's programs, in their order. */
const PROGRAMS = ['server.js', 'calls.js', 'streams.js']

/** The blocks of README's section "A server and a client" and of the next two, in their order. */
function steps(): { language: string; text: string }[] {
  const readme = pageText('README.md')
  const start = readme.indexOf('## A server and a client')
  const part = readme.slice(start, readme.indexOf('## The header'))
  return [...part.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language = '', text = '']) => ({ language, text }))
}

/** Does what README says, word by word. Returns what each program printed. */
async function follow(folder: EmptyFolder): Promise<string[]> {
  const printed: string[] = []
  for (const { language, text } of steps()) {
    if (language === 'proto') writeFileSync(join(folder.path, protoName(text)), text)
    else if (language === 'sh') {
      for (const line of text.trim().split('\n')) await folder.type(line)
    } else {
      const name = PROGRAMS[printed.length] as string
      writeFileSync(join(folder.path, name), text)
      printed.push(await folder.type(`node ${name}`))
    }
  }
  return printed
}

describe('a stranger with an empty folder', function () {
  this.timeout(LIMIT_MS)
  before(tarball)

  let folder: EmptyFolder
  afterEach(() => folder?.remove())

  const expected = programs('README.md').map(({ prints }) => prints)

  for (const version of ['20', '26']) {
    it(`follows README on Node ${version}`, async () => {
      folder = await emptyFolder(await binariesOf(version))
      const printed = await follow(folder)
      expect(printed.map((text) => text.trim().split('\n').join(', '))).to.deep.equal(expected)
    })
  }

  it('gets chat.mjs where package.json stays as npm init writes it, and advice where chat.js is asked for', async () => {
    folder = await emptyFolder()
    const [proto] = steps().filter(({ language }) => language === 'proto')
    writeFileSync(join(folder.path, 'chat.proto'), proto?.text ?? '')
    await folder.type('npm init -y')
    await folder.type('npm install qbp-stream')
    expect(await folder.type('npx qbp generate chat.proto')).to.equal('chat.mjs, chat.d.mts\n')
    const program = `import { Protocol } from 'qbp-stream'
      import { chat } from './chat.mjs'
      console.log(Protocol.from(chat).header.text)`
    writeFileSync(join(folder.path, 'a.mjs'), program)
    expect(await folder.type('node a.mjs')).to.equal('type:u16 length:u32\n')
    expect(await folder.type('npx qbp generate chat.proto -o chat.js')).to.include("run 'npm pkg set type=module'")
  })
})
