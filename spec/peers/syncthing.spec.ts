import { createHash, X509Certificate } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { connect, headers, Protocol } from '../../lib/index.ts'
import { certificates } from '../support/certificates.ts'
import { freePort } from '../support/free-port.ts'
import { temporaryFolder } from '../support/languages.ts'
import { peer, run, start } from '../support/peers.ts'

// A device of Debian's syncthing: over TLS both say Hello, once, by a preamble; then come frames with a section, in which their
// type stands. We are a device that it knows, and take a folder of it.

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** The name of a device: its certificate's hash in base 32, with a check digit after every 13. */
function deviceId(certificate: string): string {
  const bits = Array.from(createHash('sha256').update(new X509Certificate(certificate).raw).digest(), (byte) =>
    byte.toString(2).padStart(8, '0'),
  ).join('')
  const digits = (bits.match(/.{1,5}/g) ?? []).map(
    (five) => ALPHABET[Number.parseInt(five.padEnd(5, '0'), 2)] as string,
  )
  const groups = [0, 13, 26, 39].map((start) => {
    const group = digits.slice(start, start + 13)
    const sum = group.reduce((all, digit, i) => {
      const addend = ALPHABET.indexOf(digit) * (i % 2 === 0 ? 1 : 2)
      return all + Math.floor(addend / 32) + (addend % 32)
    }, 0)
    return group.join('') + ALPHABET[(32 - (sum % 32)) % 32]
  })
  return (groups.join('').match(/.{7}/g) ?? []).join('-')
}

describe('syncthing', function () {
  this.timeout(30_000)
  before(function () {
    peer(this, { needs: ['syncthing'], apt: 'syncthing' })
  })

  it('says hello, and sends its folders and their files to a device that it knows', async () => {
    const { server: identity } = await certificates()
    const [home, folder] = [join(temporaryFolder(), 'home'), join(temporaryFolder(), 'shared')]
    mkdirSync(join(folder, '.stfolder'), { recursive: true })
    const content = Buffer.from('what is shared\n'.repeat(100))
    writeFileSync(join(folder, 'a file.txt'), content)
    const env = { HOME: home, STNOUPGRADE: '1', STNORESTART: '1' }
    mkdirSync(home)
    await run('syncthing', ['generate', `--home=${home}`], { env })
    const own = (await run('syncthing', [`--home=${home}`, '--device-id'], { env })).stdout.trim()
    const ours = deviceId(String(identity.cert))
    const [port, gui] = [await freePort(), await freePort()]
    writeFileSync(
      join(home, 'config.xml'),
      `<configuration version="36">
        <folder id="default" label="Shared" path="${folder}" type="sendreceive" rescanIntervalS="3600" fsWatcherEnabled="false">
          <filesystemType>basic</filesystemType><device id="${own}"></device><device id="${ours}"></device>
        </folder>
        <device id="${own}" name="theirs" compression="never"><address>dynamic</address></device>
        <device id="${ours}" name="ours" compression="never" certName="localhost"><address>tcp://127.0.0.1:1</address></device>
        <gui enabled="true" tls="false"><address>127.0.0.1:${gui}</address><apikey>key</apikey></gui>
        <options>
          <listenAddress>tcp://127.0.0.1:${port}</listenAddress>
          <globalAnnounceEnabled>false</globalAnnounceEnabled><localAnnounceEnabled>false</localAnnounceEnabled>
          <relaysEnabled>false</relaysEnabled><natEnabled>false</natEnabled><startBrowser>false</startBrowser>
          <urAccepted>-1</urAccepted><crashReportingEnabled>false</crashReportingEnabled><autoUpgradeIntervalH>0</autoUpgradeIntervalH>
        </options>
      </configuration>`,
    )
    const protocol = await Protocol.load(join(__dirname, 'bep.proto'), {
      header: headers.syncthing,
      types: {
        ClusterConfig: { type: 'CLUSTER_CONFIG', message: 'ClusterConfig' },
        Index: { type: 'INDEX', message: 'Index' },
        IndexUpdate: { type: 'INDEX_UPDATE', message: 'Index' },
        Request: { type: 'REQUEST', message: 'Request' },
        Response: { type: 'RESPONSE', message: 'Response' },
        Ping: { type: 'PING', message: 'Ping' },
        Close: { type: 'CLOSE', message: 'Close' },
      },
    })
    const child = start('syncthing', ['serve', `--home=${home}`, '--no-browser'], { env, timeoutMs: 30_000 })
    try {
      const dial = async () => {
        for (;;) {
          try {
            return await connect(protocol, {
              ...{ host: '127.0.0.1', port },
              tls: { ...identity, rejectUnauthorized: false, ALPNProtocols: ['bep/1.0'] },
              preamble: { Hello: { deviceName: 'ours', clientName: 'qbp', clientVersion: 'v1.0.0' } },
            })
          } catch {
            await new Promise((resolve) => setTimeout(resolve, 100))
          }
        }
      }
      await using connection = await Promise.race([dial(), child.exited.then(() => Promise.reject(new Error('ended')))])
      const { reader, writer } = connection
      await writer.writeMessage({
        $name: 'ClusterConfig',
        folders: [{ id: 'default', devices: [{ id: digest(own) }, { id: digest(ours) }] }],
      })
      const seen: string[] = []
      for await (const message of reader) {
        seen.push(message.$name as string)
        expect(message.$header?.Header).to.be.an('object')
        if (message.$name === 'ClusterConfig') {
          expect(reader.preamble?.Hello).to.include({ clientName: 'syncthing' })
          expect(message.folders.map(({ id }: { id: string }) => id)).to.deep.equal(['default'])
          await writer.writeMessage({ $name: 'Index', folder: 'default' })
        } else if (message.$name === 'Index' || message.$name === 'IndexUpdate') {
          expect(message.$header?.Header.type).to.equal(message.$name === 'Index' ? 1 : 2)
          const file = message.files.find(({ name }: { name: string }) => name === 'a file.txt')
          if (file === undefined) continue
          expect(file.size).to.equal(BigInt(content.length))
          expect(file.blocks[0].hash).to.deep.equal(createHash('sha256').update(content).digest())
          await writer.writeMessage({
            $name: 'Request',
            id: 9,
            folder: 'default',
            name: file.name,
            size: content.length,
          })
        } else if (message.$name === 'Response') {
          expect(message).to.include({ id: 9, code: 0 })
          expect(message.data).to.deep.equal(content)
          break
        }
      }
      expect(seen[0]).to.equal('ClusterConfig')
      expect(seen).to.include('Response')
    } finally {
      await child.stop()
    }
  })
})

/** The hash that a device's name stands for. */
function digest(id: string): Buffer {
  const digits = id.replaceAll('-', '')
  const bits = Array.from(digits, (digit, i) =>
    i % 14 === 13 ? '' : ALPHABET.indexOf(digit).toString(2).padStart(5, '0'),
  ).join('')
  return Buffer.from(Array.from({ length: 32 }, (_, i) => Number.parseInt(bits.slice(8 * i, 8 * i + 8), 2)))
}
