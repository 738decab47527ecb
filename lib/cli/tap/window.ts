import { spawn } from 'node:child_process'
import type { EventEmitter } from 'node:events'
import type { LoadOptions, Protocol, Role } from '../../index.ts'
import { describeSource } from '../../protocol/schema/load.ts'
import { type OpenWindow, openWindow } from '../../window/server.ts'
import { Fault } from '../command/fault.ts'

/** Of a window on a tap. */
export interface TapWindowOptions extends LoadOptions {
  /** The .proto files, which the page decodes by. */
  files: readonly string[]
  package?: string
  /** What is tapped, for people. */
  title: string
  /** The options by which the command line names the protocol. */
  arguments: string
  port: number
  /** It is no tap but a recording: nothing more comes than what is there. */
  recorded?: boolean
  pair?: string | undefined
  /** Sends frames in a side's name: see Tap. */
  send?: (connection: number, from: Role, bytes: Uint8Array) => void
}

const NO_SCHEMA = { package: '', packages: [], messages: {}, enums: {}, services: {} }

/** Opens a window on a tap, which sees what passes from then on. @throws {Fault} if its port is taken. */
export async function tapWindow(
  tap: EventEmitter,
  protocol: Protocol,
  { files, package: name, title, arguments: typed, port, recorded = false, send, pair, ...options }: TapWindowOptions,
): Promise<OpenWindow> {
  const schema = files.length === 0 ? NO_SCHEMA : await schemaOf(files, name, options)
  try {
    return await openWindow(tap, protocol, {
      schema,
      title,
      port,
      recorded,
      options: typed,
      ...(send && { send }),
      ...(pair && { pair }),
    })
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    throw code === 'EADDRINUSE' ? new Fault(`--ui-port ${port} is taken.`, { cause }) : new Fault(message, { cause })
  }
}

async function schemaOf(files: readonly string[], name: string | undefined, options: LoadOptions) {
  const { description, package: home } = await describeSource(files, options)
  return { package: name ?? home, ...description }
}

/** Shows a page in the person's browser, if there is one. */
export function showInBrowser(url: string): void {
  const [command, ...args] = { darwin: ['open'], win32: ['rundll32', 'url.dll,FileProtocolHandler'] }[
    process.platform as string
  ] ?? ['xdg-open']
  const child = spawn(command as string, [...args, url], { stdio: 'ignore', detached: true })
  child.on('error', () => {}) // The address stands on the terminal, too.
  child.unref()
}
