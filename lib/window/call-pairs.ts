// Calls among the frames that pass: which request a frame belongs to, of which method, and how its call ended.

import { other, type Role } from '../base/role.ts'
import { codeName } from '../calls/call-error.ts'
import type { MethodType } from '../protocol/method.ts'
import type { Protocol } from '../protocol/protocol.ts'

/** A frame, or the end of a connection's side, as far as pairing looks at it. */
export interface PairedEvent {
  readonly at: number
  readonly connection: number
  readonly direction: Role
  readonly kind: 'open' | 'frame' | 'fault' | 'close'
  readonly name?: string | null
  readonly message?: object
}

/** What a frame is of its call. */
export interface PairedCall {
  /** The caller's number of it, on its connection. */
  readonly id: number
  /** `accounts.Accounts/Open`; undefined of a call that had begun before. */
  readonly method: string | undefined
  /** The request or answer that it carries, in ProtoJSON; undefined where it carries none, or the schema lacks its service. */
  readonly message?: unknown
  /** How the call ended, with the last of its answers: OK, or one of gRPC's codes. */
  readonly status?: string
  /** From the call's beginning to this answer, in milliseconds. */
  readonly ms?: number
}

interface Call {
  readonly method: string
  readonly at: number
}

/** A frame of a call, in whichever dialect. */
interface CallFrame {
  readonly id: number
  readonly caller: Role
  /** Where the call begins. */
  readonly method?: string
  readonly body: Uint8Array
  readonly hasBody: boolean
  /** Of an answer: that it is the last, with this code. */
  readonly code?: number | undefined
}

/** As many calls under way are remembered. */
const MAX_CALLS = 10_000
const CANCEL = 2

/** Pairs requests and answers, of events in order. */
export class CallPairs {
  readonly #protocol: Protocol
  readonly #calls = new Map<string, Call>()

  constructor(protocol: Protocol) {
    this.#protocol = protocol
  }

  /** Undefined for what is no frame of a call. */
  see(event: PairedEvent): PairedCall | undefined {
    const { at, connection, direction, kind } = event
    if (kind === 'close') this.#forget(connection)
    if (kind !== 'frame' || event.message === undefined || this.#protocol.calls === null) return undefined
    const frame = this.#protocol.calls === 'qbp' ? qbpFrame(event) : ttrpcFrame(event)
    if (frame === undefined) return undefined
    const key = `${connection} ${frame.caller} ${frame.id}`
    if (frame.method !== undefined) this.#remember(key, { method: frame.method, at })
    const call = this.#calls.get(key)
    const isAnswer = direction !== frame.caller
    if (frame.code !== undefined) this.#calls.delete(key)
    return {
      ...{ id: frame.id, method: call?.method },
      ...(frame.hasBody && call !== undefined && this.#message(call.method, isAnswer, frame.body)),
      ...(frame.code !== undefined && { status: frame.code === 0 ? 'OK' : codeName(frame.code) }),
      ...(isAnswer && call !== undefined && { ms: at - call.at }),
    }
  }

  #remember(key: string, call: Call): void {
    this.#calls.set(key, call)
    if (this.#calls.size > MAX_CALLS) this.#calls.delete(this.#calls.keys().next().value as string)
  }

  #forget(connection: number): void {
    for (const key of this.#calls.keys()) if (key.startsWith(`${connection} `)) this.#calls.delete(key)
  }

  /** A body as the method's request or answer. */
  #message(path: string, isAnswer: boolean, body: Uint8Array): { message: unknown } | undefined {
    try {
      const method = this.#method(path)
      if (method === undefined) return undefined
      const { type } = isAnswer ? method.response : method.request
      const message = this.#protocol.decode(type.fullName, body)
      return { message: this.#protocol.protoJson({ unknownFields: true }).toJson(type, message) }
    } catch {
      return undefined // The service of another schema, or a body that does not decode: the frame's bytes are shown.
    }
  }

  #method(path: string): MethodType | undefined {
    const slash = path.lastIndexOf('/')
    const { methods } = this.#protocol.service(path.slice(0, slash))
    return [...methods.values()].find(({ name }) => name === path.slice(slash + 1))
  }
}

interface QbpPart {
  id?: number
  step?: number
  method?: string
  code?: number
  body?: Uint8Array
}

function qbpFrame({ name, direction, message }: PairedEvent): CallFrame | undefined {
  const { id = 0, step = 0, method, code = 0, body: bytes = new Uint8Array(0) } = message as QbpPart
  const carries = { id, body: bytes, hasBody: bytes.length > 0 || step <= 1 }
  if (name === 'qbp.Call') {
    const caller = { ...carries, caller: direction }
    if (step === CANCEL) return { ...caller, hasBody: false, code: 1 }
    return method === undefined || method === '' ? caller : { ...caller, method }
  }
  if (name !== 'qbp.Reply') return undefined
  const reply = { ...carries, caller: other(direction), hasBody: carries.hasBody && code === 0 }
  return step === 0 ? { ...reply, code } : reply
}

/** The sender says no more of this call; a Data without a message. */
const [REMOTE_CLOSED, NO_DATA] = [1, 4]

function ttrpcFrame({ name, direction, message }: PairedEvent): CallFrame | undefined {
  const { $header, service, method, payload, status, body } = message as Record<string, never>
  const { stream = 0, flags = 0 } = ($header ?? {}) as { stream?: number; flags?: number }
  const bytes = (payload ?? body ?? new Uint8Array(0)) as Uint8Array
  // Clients call, servers answer.
  const frame = { id: stream, caller: 'client' as const, body: bytes }
  if (name === 'ttrpc.Request') return { ...frame, hasBody: true, method: `${service}/${method}` }
  if (name === 'ttrpc.Response') {
    const { code = 0 } = (status ?? {}) as { code?: number }
    return { ...frame, hasBody: code === 0, code }
  }
  if (name !== 'ttrpc.Data') return undefined
  const isEnd = direction === 'server' && (flags & REMOTE_CLOSED) > 0
  return { ...frame, hasBody: (flags & NO_DATA) === 0, ...(isEnd && { code: 0 }) }
}
