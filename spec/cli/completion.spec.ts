import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect } from 'chai'
import { dispatch } from '../../lib/cli/command/dispatch.ts'
import { headers } from '../../lib/index.ts'
import { begin, cli } from '../support/cli.ts'
import { peer } from '../support/peers.ts'
import { THIS_RUNTIME } from '../support/this-runtime.ts'

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
      `#!/bin/sh\nexec ${THIS_RUNTIME} ${resolve('scripts/ts.cjs')} ${resolve('lib/cli/command/main.ts')} "$@"\n`,
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

  // The command itself is run in bash above; these are about what each shell passes to it, and makes of its answer.
  const inShell = async (shell: 'zsh' | 'fish', flags: string[], after: string): Promise<string[]> => {
    const bin = mkdtempSync(join(folder, `${shell}-`))
    writeFileSync(
      join(bin, 'qbp'),
      '#!/bin/sh\nshift 3\nfor last; do :; done\ncase $last in one*) echo :files;; *) echo "$#"; echo "<$last>";; esac\n',
    )
    chmodSync(join(bin, 'qbp'), 0o755)
    writeFileSync(join(bin, 'one.proto'), '')
    const { stdout } = await cli(dispatch, ['completion', shell])
    writeFileSync(join(bin, 'script'), stdout)
    const env = {
      ...process.env,
      HOME: bin,
      XDG_CONFIG_HOME: bin,
      XDG_DATA_HOME: bin,
      PATH: `${bin}:${process.env.PATH}`,
    }
    const output = execFileSync(shell, [...flags, '-c', after], {
      cwd: bin,
      env,
      encoding: 'utf8',
    })
    return output.split('\n').filter((line) => line !== '')
  }

  it('works in a real zsh', async function () {
    this.timeout(20_000)
    peer(this, { needs: ['zsh'], apt: 'zsh' })
    // What completion alone has, outside of it: compdef as it begins, compadd and _files as it ends.
    const stubs = 'compadd() { shift; print -l -- "$@" }; _files() { print files }'
    const typed = 'complete_() { words=("$@"); CURRENT=$#; _qbp }'
    const calls = 'complete_ qbp decode "two words"\ncomplete_ qbp tap ""\ncomplete_ qbp decode -s one'
    const source = `compdef() { print "$@" }\n${stubs}\n${typed}\nsource ./script\n${calls}`
    expect(await inShell('zsh', ['-f'], source)).to.deep.equal(['_qbp qbp', '2', '<two words>', '2', '<>', 'files'])
  })

  it('works in a real fish', async function () {
    this.timeout(20_000)
    peer(this, { needs: ['fish'], apt: 'fish' })
    const calls = ["complete -C 'qbp decode --on-fa'", "complete -C 'qbp tap '", "complete -C 'qbp decode -s one'"]
    expect(await inShell('fish', ['--no-config'], ['source ./script', ...calls].join('\n'))).to.deep.equal([
      // It leaves out what does not begin as the word does.
      ...['<--on-fa>', '2', '<>', 'one.proto'],
    ])
  })

  it('is refused for a shell that is none', async () => {
    for (const args of [[], ['powershell'], ['toString'], ['bash', 'more']])
      expect((await cli(dispatch, ['completion', ...args])).code, args.join(' ')).to.equal(2)
  })
})
