import net from 'node:net'
import { expect } from 'chai'
import { run as tap } from '../../lib/cli/verbs/tap.ts'
import { begin } from '../support/cli.ts'

describe('qbp tap --ui', () => {
  const args = ['127.0.0.1:0', '127.0.0.1:1', '--schema', 'schemas/chat.proto']

  it('prints the address of a page that is there until Ctrl-C', async () => {
    const { interrupt, ended, stderr } = begin(tap, [...args, '--ui'])
    while (!/Shown at \S+\n/.test(stderr())) await new Promise((resolve) => setTimeout(resolve, 10))
    const url = /Shown at (http:\/\/127\.0\.0\.1:\d+\/\S{32}\/)\n/.exec(stderr())?.[1] as string
    expect((await fetch(url)).status).to.equal(200)
    expect((await fetch(new URL('/', url))).status).to.equal(403)
    interrupt()
    expect((await ended).code).to.equal(130)
    expect(await fetch(url).catch(() => 'gone')).to.equal('gone')
  })

  it('says that its port is taken, and ends', async () => {
    const taken = net.createServer()
    await new Promise((resolve) => taken.listen(0, '127.0.0.1', () => resolve(null)))
    const { port } = taken.address() as net.AddressInfo
    const { ended } = begin(tap, [...args, '--ui-port', String(port)])
    const { code, stderr } = await ended
    expect(code).to.equal(1)
    expect(stderr).to.include(`--ui-port ${port} is taken.`)
    taken.close()
  })
})
