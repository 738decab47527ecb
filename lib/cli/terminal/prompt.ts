import { createInterface } from 'node:readline'
import type { Protocol, Role } from '../../index.ts'
import { errorText } from '../command/fault.ts'
import type { Io } from '../command/verb.ts'
import { complete, describe } from './completion.ts'
import { painter } from './lines.ts'

const HELP = `  Say {text: "hi"}   sends a message (Tab completes names of messages, fields and enum values)
  ?                  the messages that can be sent
  ? Say              the fields of one
  Ctrl-D             ends
`

/** What a prompt does. */
export interface PromptOptions {
  protocol: Protocol
  sender: Role
  /** Sends what was typed. What it throws is shown. */
  send(text: string): Promise<void>
}

/** A prompt on a terminal: messages are typed below while replies are printed above. */
export class Prompt {
  /** Resolves at Ctrl-D, with false, or at Ctrl-C, with true. */
  readonly ended: Promise<boolean>
  readonly #io: Io
  readonly #options: PromptOptions
  readonly #readline: ReturnType<typeof createInterface>
  readonly #movesCursor: boolean
  #closed = false

  constructor(io: Io, options: PromptOptions) {
    this.#io = io
    this.#options = options
    this.#movesCursor = io.env.TERM !== 'dumb'
    const { protocol, sender } = options
    this.#readline = createInterface({
      input: io.stdin,
      output: io.stdout,
      terminal: this.#movesCursor,
      prompt: painter(io)('bold', '> '),
      completer: (line: string) => complete(protocol, sender, line),
    })
    let interrupted = false
    this.#readline.on('SIGINT', () => {
      interrupted = true
      this.#readline.close()
    })
    io.signal.addEventListener('abort', () => this.#readline.close())
    this.ended = new Promise((resolve) => {
      this.#readline.on('close', () => {
        this.#closed = true
        io.stdout.write('\n')
        resolve(interrupted)
      })
    })
    this.#readline.on('line', (line) => void this.#take(line.trim()))
    io.stdout.write(`Type ? for help.\n`)
    this.#readline.prompt()
  }

  /** Prints a line above what is being typed. */
  print(line: string): void {
    this.#io.stdout.write(`${this.#movesCursor ? '\r\x1b[K' : '\n'}${line}\n`)
    this.#ask(true)
  }

  close(): void {
    this.#readline.close()
  }

  async #take(line: string): Promise<void> {
    try {
      if (line.startsWith('?')) this.#explain(line.slice(1).trim())
      else if (line !== '') await this.#options.send(line)
    } catch (error) {
      this.#io.stdout.write(`${painter(this.#io)('red', errorText(error as Error))}\n`)
    }
    this.#ask()
  }

  /** Shows the prompt again, unless it has ended: a reply may come after Ctrl-D, and Node 24 then throws. */
  #ask(keepCursor = false): void {
    if (!this.#closed) this.#readline.prompt(keepCursor)
  }

  #explain(name: string): void {
    const { protocol, sender } = this.#options
    const { entries } = protocol.sent[sender]
    if (name !== '') this.#io.stdout.write(`  ${describe(protocol.messageType(name))}\n`)
    else {
      const names = entries.map((entry) => (protocol.header.hasType ? `${entry.name} = ${entry.type}` : entry.name))
      this.#io.stdout.write(`${HELP}  ${names.join(', ')}\n`)
    }
  }
}
