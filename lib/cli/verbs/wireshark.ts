import { createWriteStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { DONE, UsageError, verb, wholeNumber } from '../command.ts'
import { commandProtocol, protocolHelp, protocolOptions } from '../options/protocol-options.ts'
import { readRecording } from '../tap/recording.ts'
import { dissector } from '../wireshark/dissector.ts'
import { pcapOf } from '../wireshark/pcap.ts'

const help = `Usage: qbp wireshark --schema FILE.proto [options]
       qbp wireshark --recording FILE --pcap FILE [--port N]

Writes a dissector in Lua, which Wireshark and tshark read: frames across TCP segments, the
header, and every field of the messages, to be filtered by, such as qbp_chat.Say.text == "hi".
Or makes a capture file of what qbp tap --record has kept.

${protocolHelp}      --port N           a port that servers listen at; may be repeated (default: none,
                         then choose it by Decode As)
      --name NAME        what filters begin with (default: qbp_ and the package)
  -o, --out FILE         default: standard output
      --recording FILE, --pcap FILE
                         make a capture file instead (the server's port is --port, else 7000)
  -h, --help

Example:
  qbp wireshark --schema chat.proto --port 7000 -o chat.lua
  tshark -X lua_script:chat.lua -i lo -Y qbp_chat
`

const options = {
  ...protocolOptions,
  port: { type: 'string', multiple: true },
  name: { type: 'string' },
  out: { type: 'string', short: 'o' },
  recording: { type: 'string' },
  pcap: { type: 'string' },
} as const

/** `qbp wireshark`. */
export const run = verb('wireshark', help, options, async (values, positionals, io) => {
  if (positionals.length > 0) throw new UsageError(`'${positionals[0]}' is no option.`)
  const { recording, pcap, out } = values
  const ports = (values.port ?? []).map((text) => wholeNumber('port', text, 1))
  if ((recording === undefined) !== (pcap === undefined)) throw new UsageError('--recording and --pcap go together.')
  if (recording !== undefined && pcap !== undefined) {
    await pipeline(Readable.from(pcapOf(readRecording(recording), ports[0] ?? 7000)), createWriteStream(pcap))
    return DONE
  }
  const { protocol } = await commandProtocol(values)
  const name =
    values.name ??
    `qbp_${packageOf(protocol.sent)
      .toLowerCase()
      .replaceAll(/[^a-z0-9]/g, '_')}`
  if (!/^[a-z][a-z0-9_]*$/.test(name))
    throw new UsageError(`--name is '${name}'; it may be small letters, digits and underscores.`)
  const text = dissector(protocol, { name, ports })
  if (out === undefined) io.stdout.write(text)
  else await writeFile(out, text)
  return DONE
})

/** The package of the messages: what the full name has before the name. */
function packageOf(sent: Awaited<ReturnType<typeof commandProtocol>>['protocol']['sent']): string {
  for (const { body } of [...sent.client.entries, ...sent.server.entries]) {
    if (typeof body !== 'string') return body.fullName.slice(0, -body.name.length).replace(/\.$/, '') || 'protocol'
  }
  return 'protocol'
}
