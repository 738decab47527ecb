import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect } from 'chai'
import { dispatch } from '../../lib/cli/command/dispatch.ts'
import { headers } from '../../lib/index.ts'
import { begin, cli } from '../support/cli.ts'

describe('completion', () => {
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'qbp-completion-'))
    writeFileSync(join(folder, 'qbp.json'), '{"targets": {"mumble": "localhost:64738", "chat": "localhost:7000"}}')
  })
  after(() => rmSync(folder, { recursive: true }))
  const words = async (...typed: string[]) => {
    const env = { QBP_CONFIG: join(folder, 'qbp.json') }
    const { code, stdout, stderr } = await begin(dispatch, ['completion', 'words', '--', ...typed], { env }).ended
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' })
    return stdout.split('\n').slice(0, -1)
  }

  it('knows verbs, options, their values, targets, and where files stand', async () => {
    expect(await words('')).to.include.members(['decode', 'tap', 'view', 'help'])
    expect(await words('de')).to.deep.equal(['decode'])
    expect(await words('help', 'wi')).to.deep.equal(['wireshark'])
    expect(await words('decode', '--on')).to.deep.equal(['--on-fault'])
    expect(await words('decode', '--on-fault', '')).to.deep.equal(['stop', 'skip', 'raw'])
    expect(await words('decode', '--header', 'gr')).to.deep.equal(
      Object.keys(headers).filter((name) => name.startsWith('gr')),
    )
    expect(await words('decode', '-s', '')).to.deep.equal([':files'])
    expect(await words('decode', '')).to.deep.equal([':files'])
    expect(await words('decode', '--max-body', '')).to.deep.equal([])
    for (const typed of [
      ['tap', ''],
      ['tap', '7001', ''],
      ['send', ''],
      ['send', '--json', ''],
      ['bench', '-s', 'a', ''],
    ])
      expect(await words(...typed), typed.join(' ')).to.deep.equal(['mumble', 'chat'])
    expect(await words('tap', 'mu')).to.deep.equal(['mumble'])
    expect(await words('completion', '')).to.deep.equal(['bash', 'zsh', 'fish'])
    expect(await words('nothing', '')).to.deep.equal([])
  })

  it('completes nothing of a qbp.json that is wrong', async () => {
    const path = join(folder, 'wrong.json')
    writeFileSync(path, '{')
    const run = begin(dispatch, ['completion', 'words', '--', 'tap', ''], { env: { QBP_CONFIG: path } })
    expect(await run.ended).to.include({ code: 0, stdout: '', stderr: '' })
  })

  it('works in a real bash', async function () {
    this.timeout(60_000)
    const command = join(folder, 'qbp')
    writeFileSync(
      command,
      `#!/bin/sh\nexec ${process.execPath} ${resolve('scripts/ts.cjs')} ${resolve('lib/cli/command/main.ts')} "$@"\n`,
    )
    chmodSync(command, 0o755)
    writeFileSync(join(folder, 'one.proto'), '')
    const { stdout } = await cli(dispatch, ['completion', 'bash'])
    const script = `${stdout}
complete_words() { COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); _qbp; printf '%s ' "\${COMPREPLY[@]}"; echo; }
complete -p qbp
complete_words qbp dec
complete_words qbp decode --on-fault s
complete_words qbp tap mu
complete_words qbp decode -s one
`
    const output = execFileSync('bash', ['--norc', '-c', script], {
      cwd: folder,
      env: { ...process.env, TS_NODE_PROJECT: resolve('tsconfig.json'), PATH: `${folder}:${process.env.PATH}` },
      encoding: 'utf8',
    })
    expect(output.split('\n').map((line) => line.trim())).to.deep.equal([
      'complete -F _qbp qbp',
      'decode',
      'stop skip',
      'mumble',
      'one.proto',
      '',
    ])
  })

  it('is refused for a shell that is none', async () => {
    for (const args of [[], ['powershell'], ['toString'], ['bash', 'more']])
      expect((await cli(dispatch, ['completion', ...args])).code, args.join(' ')).to.equal(2)
  })
})
