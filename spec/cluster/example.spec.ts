import { join } from 'node:path'
import { expect } from 'chai'
import { peer, run } from '../support/peers.ts'

const ROOT = join(__dirname, '..', '..')
const PROGRAM = ['scripts/ts.cjs', 'examples/cluster/play.ts']

describe('the cluster example', function () {
  this.timeout(60_000)

  async function play(...args: string[]): Promise<string> {
    const { stdout } = await run(process.execPath, [...PROGRAM, ...args], { cwd: ROOT, timeoutMs: 55_000 })
    const [tally = ''] = stdout.match(/^sent .*$/m) ?? []
    console.log(`      ${tally}`)
    expect(stdout).to.match(/^[1-9]\d* clients lost their connection and resumed on another node; 0 were told/m)
    expect(tally).to.match(/^sent (\d{3,}), delivered \1, lost 0, duplicated 0, reordered 0$/)
    return stdout
  }

  it('loses nothing when a process is killed under load', async function () {
    peer(this, { needs: ['/usr/sbin/nats-server'], apt: 'nats-server' })
    expect(await play()).to.include('was killed with -9')
  })

  it('does without NATS, in one process', async () => {
    expect(await play('--local')).to.include('was ended')
  })
})
