import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { compileJava, compilePython, type Language, readGolden, temporaryFolder } from './support/languages.ts'
import { javaPeer, peer, pythonPeer } from './support/peers.ts'

// The peers against one another: where a spec of ours against one of them fails, this tells whose fault it is.
describe('peers', () => {
  /** A client of one language against a server of another; the counts that both ends tell. */
  async function talk(client: Language, clientName: string, server: Language, serverName: string): Promise<void> {
    const serving = server.start(serverName, ['server'])
    try {
      const { stdout } = await client.run(clientName, ['client', '127.0.0.1', await serving.line()])
      const told = JSON.parse(stdout)
      expect(told.messages).to.be.greaterThan(0)
      expect(told.end).to.equal('clean')
      expect(JSON.parse(await serving.line())).to.deep.equal(told)
    } finally {
      await serving.stop()
    }
  }

  describe('of asyncio, as Qbp began', () => {
    let python: Language
    before(async function () {
      this.timeout(20_000)
      peer(this, pythonPeer)
      python = await compilePython()
    })

    it('understand each other', async () => {
      await talk(python, 'origin.py', python, 'origin.py')
    }).timeout(20_000)

    it('read the golden file that they wrote', async () => {
      const file = join(temporaryFolder(), 'golden.bin')
      await python.run('origin.py', ['golden', 'write', file])
      const { stdout } = await python.run('origin.py', ['golden', 'read', file])
      const frames = readGolden(file)
      expect(JSON.parse(stdout)).to.deep.equal({ messages: frames.length, end: 'clean' })
      expect(frames[0]).to.deep.equal({ type: 65535, name: 'Nothing', message: {} })
      expect(readFileSync(file).subarray(0, 6).toString('hex')).to.equal('ffff00000000')
    }).timeout(20_000)
  })

  describe('of delimited messages', () => {
    let python: Language
    let java: Language
    before(async function () {
      this.timeout(60_000)
      peer(this, pythonPeer)
      peer(this, javaPeer)
      python = await compilePython()
      java = await compileJava()
    })

    it('understand each other, Java to Python', async () => {
      await talk(java, 'Delimited', python, 'delimited.py')
    }).timeout(20_000)

    it('understand each other, Python to Java', async () => {
      await talk(python, 'delimited.py', java, 'Delimited')
    }).timeout(20_000)
  })
})
