import { FORMATS } from '../capture/format.ts'
import type { OptionTable } from '../command/help.ts'
import { oneOf, portNumber } from './values.ts'

/** The options of verbs that open what was captured. */
export const captureOptions = {
  format: {
    type: 'string',
    value: 'FORMAT',
    help: `what FILE holds: raw (bytes of frames), tap (qbp tap --record), pcap, pcapng, or any of these as gzip, hex or base64
      (default: what its first bytes say)`,
    words: FORMATS,
  },
  port: {
    type: 'string',
    multiple: true,
    value: 'N',
    help: "in a pcap: a server's port, whose connections are read (default: all); may be repeated",
  },
} as const satisfies OptionTable

/** What the options say. @throws {UsageError} */
export const captureForm = ({ format, port = [] }: { format?: string; port?: string[] }) => ({
  format: format === undefined ? undefined : oneOf('format', format, FORMATS),
  ports: port.map((text) => portNumber('port', text, 1)),
})
