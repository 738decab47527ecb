import type { CallMessage } from './call-message.ts'

/** One method of a service: its names, the types of its messages, and which of them are streams. */
export class MethodType {
  /** As the .proto has it: `Open`. */
  readonly name: string
  /** As it travels: `accounts.Accounts/Open`. */
  readonly path: string
  readonly request: CallMessage
  readonly response: CallMessage
  readonly requestStream: boolean
  readonly responseStream: boolean
  /** The .proto says that to call it twice is as good as once: `option idempotency_level = IDEMPOTENT` or `NO_SIDE_EFFECTS`. */
  readonly idempotent: boolean

  constructor(
    service: string,
    name: string,
    request: CallMessage,
    response: CallMessage,
    { requestStream, responseStream, idempotent }: Pick<MethodType, 'requestStream' | 'responseStream' | 'idempotent'>,
  ) {
    this.name = name
    this.path = `${service}/${name}`
    this.request = request
    this.response = response
    this.requestStream = requestStream
    this.responseStream = responseStream
    this.idempotent = idempotent
  }
}

/** A service of a schema. */
export interface ServiceType {
  /** With its package: `accounts.Accounts`. */
  readonly fullName: string
  /** By their keys. */
  readonly methods: ReadonlyMap<string, MethodType>
}

/** Names that an object of methods cannot have: an object with a `then` is taken for a promise. */
const TAKEN = ['then', 'constructor']

/** A method's name in JavaScript, which no other of its service has: `openAll` for `OpenAll` and for `open_all`. */
export function methodKey(name: string, others: { has(key: string): boolean }): string {
  const joined = name.replace(/_+([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase())
  let key = joined.charAt(0).toLowerCase() + joined.slice(1)
  while (others.has(key) || TAKEN.includes(key)) key += '_'
  return key
}
