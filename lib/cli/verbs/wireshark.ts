import { openFile } from '../capture/open.ts'
import { UsageError } from '../command/fault.ts'
import { DONE, verb } from '../command/verb.ts'
import { writeWhole } from '../files/output-file.ts'
import { commandProtocol, protocolOptions } from '../options/protocol-options.ts'
import { portNumber } from '../options/values.ts'
import { dissector } from '../wireshark/dissector.ts'
import { pcapOf } from '../wireshark/pcap.ts'

const form = {
  name: 'wireshark',
  usage: ['--schema FILE.proto [options]', '--recording FILE --pcap FILE [--port N]'],
  about: `Writes a dissector in Lua, which Wireshark and tshark read: frames across TCP segments, the header, and every
    field of the messages, to be filtered by, such as qbp_chat.Say.text == "hi". Or makes a capture file of what qbp
    tap --record has kept.`,
  options: {
    ...protocolOptions,
    port: {
      type: 'string',
      multiple: true,
      value: 'N',
      help: 'a port that servers listen at; may be repeated (default: none, then choose it by Decode As)',
    },
    name: { type: 'string', value: 'NAME', help: 'what filters begin with (default: qbp_ and the package)' },
    out: { type: 'string', short: 'o', value: 'FILE', help: 'default: standard output' },
    recording: { type: 'string', value: 'FILE', help: 'make a capture file of it instead, at --pcap' },
    pcap: { type: 'string', value: 'FILE', help: "the capture file (the server's port in it is --port, else 7000)" },
  },
  example: `qbp wireshark --schema chat.proto --port 7000 -o chat.lua
tshark -X lua_script:chat.lua -i lo -Y qbp_chat`,
} as const

/** `qbp wireshark`. */
export const run = verb(form, async (values, positionals, io) => {
  if (positionals.length > 0) throw new UsageError(`'${positionals[0]}' is no option.`)
  const { recording, pcap, out } = values
  const ports = (values.port ?? []).map((text) => portNumber('port', text, 1))
  if ((recording === undefined) !== (pcap === undefined)) throw new UsageError('--recording and --pcap go together.')
  if (recording !== undefined && pcap !== undefined) {
    const { events } = await openFile(recording, io, { format: 'tap', direction: 'client' })
    await writeWhole(pcap, pcapOf(events, ports[0] ?? 7000))
    return DONE
  }
  if (values.schema === undefined) throw new UsageError('no schema is given: --schema FILE.proto.')
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
  else await writeWhole(out, text)
  return DONE
})

/** The package of the messages: what the full name has before the name. */
function packageOf(sent: Awaited<ReturnType<typeof commandProtocol>>['protocol']['sent']): string {
  for (const { body } of [...sent.client.entries, ...sent.server.entries]) {
    if (typeof body !== 'string') return body.fullName.slice(0, -body.name.length).replace(/\.$/, '') || 'protocol'
  }
  return 'protocol'
}
