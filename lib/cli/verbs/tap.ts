import { once } from 'node:events'
import { errorText, UsageError } from '../command/fault.ts'
import { DONE, verb } from '../command/verb.ts'
import {
  addressText,
  listenerTls,
  listenTlsOptions,
  openSocket,
  parseAddress,
  tlsFrom,
  tlsOptions,
} from '../options/address.ts'
import { callForm, callOptions, pairOption } from '../options/call-options.ts'
import { commandProtocol, loadOptions, protocolArguments, protocolOptions } from '../options/protocol-options.ts'
import { portNumber } from '../options/values.ts'
import { Tap } from '../tap/proxy.ts'
import { Recorder } from '../tap/recorder.ts'
import { showInBrowser, tapWindow } from '../tap/window.ts'
import { Lines } from '../terminal/lines.ts'

const form = {
  name: 'tap',
  usage: ['LISTEN TARGET --schema FILE.proto [options]', 'TARGET, where qbp.json has a target of that name'],
  about: `Listens at LISTEN, passes every connection on to TARGET, and shows the frames of both directions: the time, the
    connection, who sent it (→ the client, ← the server), the message, its frame's size, and how long it came after
    the other side's last one. Bytes are passed on as they come, whether they can be decoded or not.`,
  targets: [1],
  listens: true,
  options: {
    ...protocolOptions,
    ...callOptions,
    ...pairOption,
    json: { type: 'boolean', help: 'lines of JSON' },
    record: { type: 'string', value: 'FILE', help: 'keep all that passes, for qbp replay' },
    ui: {
      type: 'boolean',
      help: 'show it in a browser: a page at an address on loopback, which is printed, and which nobody else can guess',
    },
    'ui-port': { type: 'string', value: 'PORT', help: "the page's port (default: any)" },
    open: { type: 'boolean', help: '--ui, and the browser comes up with it' },
    ...tlsOptions,
    tls: { type: 'boolean', help: 'speak TLS to the target' },
    ...listenTlsOptions,
  },
  example: `qbp tap 7001 localhost:7000 --schema chat.proto`,
} as const

/** `qbp tap`. */
export const run = verb(form, async (values, [listen, target, ...more], io) => {
  const from = parseAddress(listen, 'address to listen at')
  const to = parseAddress(target, 'target')
  if (more.length > 0) throw new UsageError(`'${more[0]}' is one address too many.`)
  const tls = tlsFrom(values)
  const listenTls = await listenerTls(
    values,
    [from, to].flatMap((each) => ('host' in each ? [each.host] : [])),
  )
  const uiPort = portNumber('ui-port', values['ui-port'] ?? '0')
  const { protocol, maxBodyBytes } = await commandProtocol(values, callForm(values))
  const tap = new Tap(protocol, {
    connect: () => openSocket(to, tls),
    maxBodyBytes,
    ...(listenTls && { tls: listenTls.tls }),
  })
  const lines = new Lines(protocol, io, values.json === true, values.pair)
  tap.on('event', (event) => lines.show(event))
  const recorder =
    values.record === undefined
      ? undefined
      : new Recorder(tap, values.record, addressText(to), (fault) =>
          io.stderr.write(`qbp tap: the recording ended: ${fault}.\n`),
        )
  tap.listen(from)
  await once(tap, 'listening', { signal: io.signal })
  tap.on('error', (error) => io.stderr.write(`qbp tap: ${errorText(error)}\n`))
  const address = tap.address()
  const where = typeof address === 'string' ? address : `${address?.address}:${address?.port}`
  io.stderr.write(`Listening at ${where}, passing on to ${addressText(to)}.\n`)
  if (listenTls?.made !== undefined)
    io.stderr.write(`TLS with a certificate made for this run, SHA-256 ${listenTls.made.fingerprint}.\n`)
  const window =
    values.ui || values.open || values['ui-port'] !== undefined
      ? await tapWindow(tap, protocol, {
          files: values.schema ?? [],
          ...loadOptions(values),
          ...(values.package !== undefined && { package: values.package }),
          title: `${where} → ${addressText(to)}`,
          arguments: protocolArguments(values),
          port: uiPort,
          pair: values.pair,
          send: (connection, from, bytes) => tap.send(connection, from, bytes),
        }).catch(async (fault) => {
          await tap.close()
          throw fault
        })
      : undefined
  if (window !== undefined) io.stderr.write(`Shown at ${window.url}\n`)
  if (window !== undefined && values.open) showInBrowser(window.url)
  if (!io.signal.aborted) await once(io.signal, 'abort')
  await window?.close()
  await tap.close()
  await recorder?.close()
  return DONE
})
