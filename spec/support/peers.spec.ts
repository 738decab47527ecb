import { expect } from 'chai'
import { type Peer, peer, run, start } from './peers.ts'

const MISSING: Peer = { needs: ['sh', 'no-such-command', '/no/such/file'], apt: 'one two' }

/** Calls `peer` as a hook would, with QBP_PEERS set or not: what it threw, or 'skipped', or 'ran'. */
function outcome(needed: Peer, required: string | undefined): string {
  const before = process.env.QBP_PEERS
  const lines: string[] = []
  let skipped = false
  const context = { skip: () => (skipped = true) } as unknown as Mocha.Context
  const write = process.stdout.write
  if (required === undefined) delete process.env.QBP_PEERS
  else process.env.QBP_PEERS = required
  process.stdout.write = ((line: string) => lines.push(line)) as unknown as typeof process.stdout.write
  try {
    peer(context, needed)
  } catch (error) {
    return (error as Error).message
  } finally {
    process.stdout.write = write
    if (before === undefined) delete process.env.QBP_PEERS
    else process.env.QBP_PEERS = before
  }
  return skipped ? `skipped: ${lines.join('').trim()}` : 'ran'
}

describe('a peer', () => {
  const line = 'no-such-command and /no/such/file not found: apt-get install one two'

  it('that is missing skips its spec, and says what to install', () => {
    expect(outcome(MISSING, undefined)).to.equal(`skipped: ${line}`)
  })

  it('that is missing fails its spec with QBP_PEERS=required', () => {
    expect(outcome(MISSING, 'required')).to.equal(`${line} (QBP_PEERS=required)`)
  })

  it('that is there is used', () => {
    expect(outcome({ needs: ['sh', '/bin/sh'], apt: 'dash' }, 'required')).to.equal('ran')
  })
})

describe('a child process', () => {
  it('gets its input and gives its output', async () => {
    const { stdout, stderr } = await run('sh', ['-c', 'cat; echo and out; echo oops >&2'], { stdin: 'in, ' })
    expect(stdout).to.equal('in, and out\n')
    expect(stderr).to.equal('oops\n')
  })

  it('that fails is told with its command, its exit code and its stderr', async () => {
    const fault = await run('sh', ['-c', 'echo why >&2; exit 3']).catch((error: Error) => error)
    expect(String(fault)).to.equal('Error: sh -c echo why >&2; exit 3\n  ended with exit code 3\n  | why')
  })

  it('that cannot be started is told', async () => {
    const fault = await run('no-such-command', []).catch((error: Error) => error)
    expect(String(fault)).to.match(/no-such-command\n {2}could not be started: .*ENOENT/)
  })

  it('that takes too long is killed', async () => {
    const fault = await run('sleep', ['60'], { timeoutMs: 50 }).catch((error: Error) => error)
    expect(String(fault)).to.match(/sleep 60\n {2}was killed after 50 ms/)
  })

  it('is read line by line, and told of when it ends before a line', async () => {
    const child = start('sh', ['-c', 'echo 7000; echo more; echo bad luck >&2; exit 1'])
    expect(await child.line()).to.equal('7000')
    expect(await child.line()).to.equal('more')
    expect(String(await child.line().catch((error: Error) => error))).to.match(
      /ended with exit code 1\n {2}\| bad luck/,
    )
  })

  it('is stopped by its own id, once or more often', async () => {
    const child = start('sleep', ['60'])
    await child.stop()
    await child.stop()
    expect(child.process.signalCode).to.equal('SIGKILL')
  })
})
