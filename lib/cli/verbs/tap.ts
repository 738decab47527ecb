import { once } from 'node:events'
import type { OpenWindow } from '../../window/server.ts'
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
import { portNumber, shellWord } from '../options/values.ts'
import { LayoutSearch } from '../tap/layout-search.ts'
import { Tap } from '../tap/proxy.ts'
import { Recorder } from '../tap/recorder.ts'
import { foundLine, unsureLines } from '../tap/search-lines.ts'
import { showInBrowser, tapWindow } from '../tap/window.ts'
import { Lines } from '../terminal/lines.ts'

const form = {
  name: 'tap',
  usage: ['LISTEN TARGET [--schema FILE.proto] [options]', 'TARGET, where qbp.json has a target of that name'],
  about: `Listens at LISTEN, passes every connection on to TARGET, and shows the frames of both directions: the time, the
    connection, who sent it (→ the client, ← the server), the message, its frame's size, and how long it came after
    the other side's last one. Bytes are passed on as they come, whether they can be decoded or not. With neither --schema nor
    --header the layout is found by the first bytes, as qbp guess finds it, and fields are shown by their numbers.`,
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
  const tls = await tlsFrom(values)
  const listenTls = await listenerTls(
    values,
    [from, to].flatMap((each) => ('host' in each ? [each.host] : [])),
  )
  const uiPort = portNumber('ui-port', values['ui-port'] ?? '0')
  const { protocol, maxBodyBytes } = await commandProtocol(values, callForm(values))
  const search = values.schema === undefined && values.header === undefined ? new LayoutSearch() : undefined
  const tap = new Tap(search ?? protocol, {
    connect: () => openSocket(to, tls),
    maxBodyBytes,
    ...(listenTls && { tls: listenTls.tls }),
  })
  const json = values.json === true
  const lines = new Lines(protocol, io, json, values.pair)
  tap.on('event', (event) => lines.show(event))
  const recorder =
    values.record === undefined
      ? undefined
      : await Recorder.open(tap, values.record, addressText(to), (fault) =>
          io.stderr.write(`qbp tap: the recording ended: ${fault}.\n`),
        )
  search?.on('unsure', (sides, likeliest) => {
    for (const line of unsureLines(sides, likeliest, io, json)) lines.write(line)
  })
  search?.on('found', (guess, found) => {
    const header = guess.name ?? guess.line
    lines.write(foundLine(guess, `qbp tap ${typed([listen, target], { ...values, header })}`, io, json))
    lines.protocol = found
    window?.speak(found, protocolArguments({ ...values, header }))
  })
  tap.listen(from)
  await once(tap, 'listening', { signal: io.signal })
  tap.on('error', (error) => io.stderr.write(`qbp tap: ${errorText(error)}\n`))
  const address = tap.address()
  const where = typeof address === 'string' ? address : `${address?.address}:${address?.port}`
  io.stderr.write(`Listening at ${where}, passing on to ${addressText(to)}.\n`)
  if (listenTls?.made !== undefined)
    io.stderr.write(`TLS with a certificate made for this run, SHA-256 ${listenTls.made.fingerprint}.\n`)
  const window: OpenWindow | undefined =
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

/** What was typed, as it may be typed again. */
function typed(words: readonly (string | undefined)[], options: Readonly<Record<string, unknown>>): string {
  const named = Object.entries(options).flatMap(([name, value]) =>
    [value].flat().map((each) => (each === true ? `--${name}` : `--${name} ${shellWord(String(each))}`)),
  )
  return [...words.map((word) => shellWord(word ?? '')), ...named].join(' ')
}
