import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { jwtAuthenticator, nkeys } from '@nats-io/transport-node'
import { expect } from 'chai'
import { natsBus } from '../../lib/bus/nats/nats-bus.ts'
import { bytes, codeOf, text, until } from '../support/engines.ts'
import { NatsServer } from '../support/nats-server.ts'

// A server in operator mode knows its users by tokens (JWT), each signed by its account's key. One with `exp` ends by itself.

type Signer = ReturnType<typeof nkeys.createOperator>

/** A token of nats-server's, signed by hand. @param exp in s since 1970. */
function sign(by: Signer, of: Signer, nats: object, exp?: number): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const iat = Math.floor(Date.now() / 1000)
  const claims = { jti: randomUUID(), iat, iss: by.getPublicKey(), sub: of.getPublicKey(), exp, nats }
  const text = `${part({ typ: 'JWT', alg: 'ed25519-nkey' })}.${part(claims)}`
  return `${text}.${Buffer.from(by.sign(Buffer.from(text))).toString('base64url')}`
}

const UNLIMITED = Object.fromEntries(
  'subs data payload imports exports conn leaf mem_storage disk_storage streams consumer'
    .split(' ')
    .map((name) => [name, -1]),
)

describe('natsBus with a token that ends', function () {
  this.timeout(30_000)
  const [operator, user] = [nkeys.createOperator(), nkeys.createUser()]
  const [account, system] = [nkeys.createAccount(), nkeys.createAccount()]
  const folder = mkdtempSync(join(tmpdir(), 'qbp-jwt-'))
  let server: NatsServer

  before(async function () {
    const settings = join(folder, 'nats.conf')
    const limits = { ...UNLIMITED, wildcards: true }
    const accounts = [account, system].map((each) => {
      const mayStore = each === account ? {} : { mem_storage: 0, disk_storage: 0 }
      const granted = sign(operator, each, { type: 'account', version: 2, limits: { ...limits, ...mayStore } })
      return `${each.getPublicKey()}: "${granted}"`
    })
    writeFileSync(join(folder, 'operator.jwt'), sign(operator, operator, { type: 'operator', version: 2 }))
    writeFileSync(
      settings,
      `operator: "${folder}/operator.jwt"\nsystem_account: ${system.getPublicKey()}\nresolver: MEMORY\n` +
        `resolver_preload: { ${accounts.join(', ')} }\n`,
    )
    server = await NatsServer.start(this, '-c', settings)
  })
  after(async () => {
    await server?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const token = (exp?: number) =>
    sign(account, user, { type: 'user', version: 2, subs: -1, data: -1, payload: -1 }, exp)
  const node = (given: () => string) =>
    natsBus({ servers: server.url, authenticator: jwtAuthenticator(given, user.getSeed()) })

  it('is down when it ends, is refused with it, and goes on with the next one, having missed nothing', async () => {
    let given = token()
    await using other = await node(() => token())
    await using bus = await node(() => given)
    const heard: string[] = []
    await bus.subscribe('log', (frame) => heard.push(text(frame)), { since: 'now' })
    const publish = (n: number) => other.publish('log', bytes(`${n}`), { durable: true })
    await publish(1)
    await until(() => heard.length === 1)
    const endsAt = Math.floor(Date.now() / 1000) + 3
    given = token(endsAt)
    await using ends = await node(() => given)
    const late: string[] = []
    await ends.subscribe('log', (frame) => late.push(text(frame)), { since: 'now' })
    // Within its last second the server may take it once more, and what dials then may be up after that, for a moment.
    await until(() => !ends.isUp && Date.now() > (endsAt + 1) * 1000)
    await publish(2)
    while ((await codeOf(ends.publish('live', bytes('x')))) !== 'ERR_QBP_BUS_DOWN') await pause(10)
    const waits = ends.publish('own', bytes('3'), { durable: true })
    given = token()
    await until(() => ends.isUp)
    await waits
    await publish(4)
    await until(() => late.length === 2 && heard.length === 3)
    expect([heard, late]).to.deep.equal([
      ['1', '2', '4'],
      ['2', '4'],
    ])
  })

  it('is refused as a first connection with a token that has ended', async () => {
    const over = token(Math.floor(Date.now() / 1000) - 60)
    expect(await codeOf(node(() => over))).to.equal('ERR_QBP_BUS_DOWN')
  })
})
