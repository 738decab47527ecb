// TLS where both ends show a certificate: the server knows its clients by name, and turns strangers away.
//
//   npm run example -- mutual-tls
//
// It ends by itself. The certificates are made as it begins, by an authority of its own; yours come from files.

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { generate } from 'selfsigned'
import { connect, createServer, type Outgoing, Protocol, type QbpConnection } from '../lib/index.ts'
import { store } from '../schemas/store.ts'

const protocol = Protocol.from(store)

interface Identity {
  cert: string
  key: string
}

async function authority(name: string): Promise<Identity> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, critical: true },
    ],
  })
  return { cert, key }
}

async function issue(ca: Identity, name: string): Promise<Identity> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    ca,
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
      { name: 'subjectAltName', altNames: [{ type: 2, value: name }] },
    ],
  })
  return { cert, key }
}

/** Asks for one thing. @throws if the connection ends first. */
async function ask(
  { reader, writer }: QbpConnection<typeof protocol, 'client'>,
  message: Extract<Outgoing<typeof protocol>, { $name: 'Put' | 'Get' }>,
) {
  await writer.writeMessage(message)
  const entry = await reader.readMessage()
  if (entry?.$name !== 'Entry') throw new Error('the connection ended before the entry came')
  return entry
}

async function main(): Promise<void> {
  const [ours, theirs] = await Promise.all([authority('our authority'), authority('somebody else')])
  const [localhost, ann, ben, mallory] = await Promise.all([
    issue(ours, 'localhost'),
    issue(ours, 'ann'),
    issue(ours, 'ben'),
    issue(theirs, 'ann'), // The right name, of the wrong authority.
  ])

  const entries = new Map<string, { value: string; owner: string }>()
  const server = createServer(
    protocol,
    { tls: { ...localhost, ca: ours.cert, requestCert: true, rejectUnauthorized: true } },
    async (reader, writer, connection) => {
      const owner = String(connection.peerCertificate?.subject.CN)
      for await (const message of reader) {
        const { key } = message
        if (message.$name === 'Put') entries.set(key, { value: message.value, owner })
        await writer.writeMessage({ $name: 'Entry', key, ...entries.get(key) })
      }
    },
  )
  let turnedAway = 0
  server.on('clientError', (error) => {
    turnedAway++
    console.log(`The server turned a client away: ${error.message}`)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const as = (identity: Partial<Identity>) =>
    connect(protocol, { port, host: 'localhost', tls: { ...identity, ca: ours.cert } })

  const first = await as(ann)
  await ask(first, { $name: 'Put', key: 'colour', value: 'green' })
  await first.close()
  const second = await as(ben)
  const { value, owner } = await ask(second, { $name: 'Get', key: 'colour' })
  await second.close()
  console.log(`ben reads '${value}', which ${owner} has put there.`)

  for (const identity of [{}, mallory]) {
    // In TLS 1.3 the client's handshake is done before the server has judged: the refusal comes with the first reading.
    const refusal = await as(identity)
      .then((connection) => ask(connection, { $name: 'Get', key: 'colour' }))
      .then(
        () => 'nothing',
        (error: NodeJS.ErrnoException) => error.code ?? error.message,
      )
    console.log(
      `A client ${'cert' in identity ? "of another authority's" : 'without a certificate'} was told: ${refusal}`,
    )
  }
  await server.close()
  console.log(`2 clients served by name, ${turnedAway} turned away. All closed.`)
}

void main()
