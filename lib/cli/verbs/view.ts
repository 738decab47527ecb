import { once } from 'node:events'
import { basename } from 'node:path'
import { openFile } from '../capture/open.ts'
import { errorText, UsageError } from '../command/fault.ts'
import { DONE, FAULT, verb } from '../command/verb.ts'
import { withGuessedHeader } from '../guess/capture.ts'
import { callForm, callOptions, pairOption } from '../options/call-options.ts'
import { captureForm, captureOptions } from '../options/capture-options.ts'
import { commandProtocol, loadOptions, protocolArguments, protocolOptions } from '../options/protocol-options.ts'
import { portNumber } from '../options/values.ts'
import { Playback } from '../tap/playback.ts'
import { showInBrowser, tapWindow } from '../tap/window.ts'
import { Lines } from '../terminal/lines.ts'

const form = {
  name: 'view',
  usage: '[FILE|-] --schema FILE.proto [options]',
  about: `Shows a capture as qbp tap shows what passes: a line for each frame, or with --ui a page in a browser, which stays
    until Ctrl-C. FILE is anything that qbp decode opens: a recording of qbp tap, a pcap or pcapng, bytes of frames, and
    these as gzip, hex or base64.`,
  options: {
    ...protocolOptions,
    ...captureOptions,
    ...callOptions,
    ...pairOption,
    json: { type: 'boolean', help: 'lines of JSON' },
    ui: { type: 'boolean', help: 'show it in a browser: a page at an address on loopback, which is printed' },
    'ui-port': { type: 'string', value: 'PORT', help: "the page's port (default: any)" },
    open: { type: 'boolean', help: '--ui, and the browser comes up with it' },
  },
  example: `qbp view capture.pcap --port 7000 --schema chat.proto --ui`,
} as const

/** `qbp view`. */
export const run = verb(form, async (given, positionals, io) => {
  const [file = '-', ...more] = positionals
  if (more.length > 0) throw new UsageError(`one file at a time: '${more[0]}' is a second one.`)
  const values = await withGuessedHeader('view', given, file, io, captureForm(given))
  const { protocol, role = 'client', maxBodyBytes } = await commandProtocol(values, callForm(values))
  const port = portNumber('ui-port', values['ui-port'] ?? '0')
  const capture = await openFile(file, io, { ...captureForm(values), direction: role })
  const playback = new Playback(protocol, maxBodyBytes)
  let faults = 0
  playback.on('event', ({ kind, error }) => {
    if (kind === 'fault' || (kind === 'frame' && error !== undefined)) faults++
  })
  const isShown = values.ui || values.open || values['ui-port'] !== undefined
  if (!isShown) {
    const lines = new Lines(protocol, io, values.json === true, values.pair)
    playback.on('event', (event) => lines.show(event))
    await playback.play(capture.events)
    return faults > 0 ? FAULT : DONE
  }
  const window = await tapWindow(playback, protocol, {
    ...{ files: values.schema ?? [], ...loadOptions(values) },
    ...(values.package !== undefined && { package: values.package }),
    ...{ title: basename(file), recorded: true, arguments: protocolArguments(values), port, pair: values.pair },
  })
  io.stderr.write(`Shown at ${window.url}\n`)
  if (values.open) showInBrowser(window.url)
  try {
    // What came before a fault of the file stays to be looked at.
    await playback.play(capture.events).catch((error) => io.stderr.write(`qbp view: ${errorText(error)}\n`))
    if (!io.signal.aborted) await once(io.signal, 'abort')
  } finally {
    await window.close()
  }
  return DONE
})
