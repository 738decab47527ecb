// Who is on a Mumble server, asked over Mumble's own protocol: somebody else's schema, one line for the header, one table.
//
//   npm run mumble                               a server on this machine (Debian: apt-get install mumble-server)
//   npm run mumble -- voice.example.org 64738    another one
//   npm run mumble -- --help
//
// It logs in for a moment, prints the server's version, channels and users, and ends by itself. The schema, Mumble.proto,
// comes from the npm package mumble-streams; for a project of your own take it from https://github.com/mumble-voip/mumble,
// src/Mumble.proto. There, import from 'qbp-stream'.

import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type AnyMessage, connect, headers, Protocol } from '../lib/index.ts'

const MUMBLE_PROTO = join(__dirname, '..', 'node_modules', 'mumble-streams', 'lib', 'Mumble.proto')

// The numbers of the messages, from 0 up: https://mumble-protocol.readthedocs.io/en/latest/protocol_stack_tcp.html
const NAMES = `Version UDPTunnel Authenticate Ping Reject ServerSync ChannelRemove ChannelState UserRemove UserState
  BanList TextMessage PermissionDenied ACL QueryUsers CryptSetup ContextActionModify ContextAction UserList VoiceTarget
  PermissionQuery CodecVersion UserStats RequestBlob ServerConfig SuggestConfig`.split(/\s+/)

interface Question {
  host: string
  port: number
  name: string
  password?: string | undefined
  proto: string
}

/** The report, line by line. The server's own reason is thrown if it refuses; anything else after 10 s at the latest. */
async function whoIsOn({ host, port, name, password, proto }: Question): Promise<string[]> {
  const protocol = await Protocol.load(proto, {
    header: headers.mumble,
    // Type 1 carries voice, whatever the schema says of it.
    types: { ...Object.fromEntries(NAMES.map((each, type) => [each, type])), UDPTunnel: { type: 1, body: 'raw' } },
    unknown: 'skip', // A newer server's messages.
  })
  const signal = AbortSignal.timeout(10_000)
  // Mumble servers sign their own certificates: nobody vouches for them.
  await using connection = await connect(protocol, { host, port, tls: { rejectUnauthorized: false }, signal })
  const { reader, writer } = connection

  const channels = new Map<number, AnyMessage>()
  const users = new Map<number, AnyMessage>()
  let version = 'of an unknown version'
  let session = 0

  /** The next message of a name; what comes before it tells of channels and users. */
  const until = async (wanted: string): Promise<AnyMessage> => {
    for (;;) {
      const message = await reader.readMessage({ signal })
      if (message === null) throw new Error('The server ended the connection.')
      switch (message.$name) {
        case 'Version':
          version = [message.release, message.os, message.osVersion].filter(Boolean).join(', ')
          break
        case 'ChannelState':
          channels.set(message.channelId, { ...channels.get(message.channelId), ...message })
          break
        case 'UserState':
          users.set(message.session, { ...users.get(message.session), ...message })
          break
        case 'UserRemove':
          users.delete(message.session)
          break
        case 'Reject':
          throw new Error(`The server refuses: ${message.reason}`)
      }
      if (message.$name === wanted) return message
    }
  }

  await writer.writeMessage({ $name: 'Version', version: 0x010203, release: 'qbp-stream', os: process.platform })
  await writer.writeMessage({ $name: 'Authenticate', username: name, password, opus: true })
  ;({ session } = await until('ServerSync'))

  const sent = performance.now()
  await writer.writeMessage({ $name: 'Ping', timestamp: Date.now() })
  await until('Ping')
  const roundTrip = performance.now() - sent

  const lines = [
    `Mumble ${version}; ${users.size} ${users.size === 1 ? 'user' : 'users'}; a ping takes ${roundTrip.toFixed(1)} ms`,
  ]
  for (const [id, channel] of channels) {
    lines.push(`  ${channel.name}`)
    for (const user of users.values()) {
      if ((user.channelId ?? 0) !== id) continue
      await writer.writeMessage({ $name: 'UserStats', session: user.session, statsOnly: true })
      const { onlinesecs } = await until('UserStats')
      lines.push(`    ${user.name}, for ${onlinesecs ?? 0} s${user.session === session ? ' (that is us)' : ''}`)
    }
  }
  return lines
}

const USAGE = `npm run mumble -- [HOST] [PORT] [options]      who is on a Mumble server

  HOST              default: localhost
  PORT              default: 64738
  --name NAME       to log in as; default: qbp
  --password TEXT   the server's, if it has one
  --proto FILE      Mumble.proto; default: that of the npm package mumble-streams
`

async function main(): Promise<void> {
  const text = { type: 'string' } as const
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { help: { type: 'boolean' }, name: text, password: text, proto: text },
  })
  if (values.help) {
    process.stdout.write(USAGE)
    return
  }
  const [host = 'localhost', port = '64738'] = positionals
  const { name = 'qbp', password, proto = MUMBLE_PROTO } = values
  for (const line of await whoIsOn({ host, port: Number(port), name, password, proto })) console.log(line)
}

main().catch((error: Error) => {
  console.error(`${error.message}\nTry: npm run mumble -- --help`)
  process.exitCode = 1
})
