import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { connect, headers, Protocol } from '../../lib/index.ts'
import { freePort, listening } from '../support/free-port.ts'
import { temporaryFolder } from '../support/languages.ts'
import { peer, start } from '../support/peers.ts'

// OLA's daemon, Debian's olad, whose header is an integer of a version in 4 bits and a length in 28.

describe('olad', function () {
  this.timeout(20_000)
  before(function () {
    peer(this, { needs: ['olad'], apt: 'ola' })
  })

  it('answers calls, and says of an unknown method that it is none', async () => {
    const port = await freePort()
    const home = temporaryFolder()
    // It refuses to run as root.
    const isRoot = process.getuid?.() === 0
    const args = ['--no-http', '--config-dir', home, '--rpc-port', String(port)]
    if (isRoot) chmodSync(home, 0o777)
    const child = isRoot
      ? start('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', 'olad', ...args])
      : start('olad', args)
    try {
      await Promise.race([listening(port), child.exited])
      const protocol = await Protocol.load(join(__dirname, 'ola.proto'), { header: headers.ola, message: 'RpcMessage' })
      await using connection = await connect(protocol, { host: '127.0.0.1', port })
      const { reader, writer } = connection
      const call = async (id: number, name: string) => {
        const buffer = protocol.encode('PluginListRequest', {})
        await writer.writeMessage({ $header: { version: 1 }, type: 'REQUEST', id, name, buffer })
        return await reader.readMessage()
      }
      const answer = await call(1, 'GetPlugins')
      expect(answer).to.deep.include({ $name: 'RpcMessage', $header: { version: 1 }, type: 2, id: 1 })
      const { plugin } = protocol.decode('PluginListReply', answer?.buffer)
      expect(plugin.map(({ name }: { name: string }) => name)).to.include('Dummy')
      expect(await call(2, 'NoSuchMethod')).to.include({ type: 5, id: 2 })
    } finally {
      await child.stop()
    }
  })
})
