import { join } from 'node:path'
import protobuf from 'protobufjs'
import { Protocol, type ProtocolOptions } from '../../lib/index.ts'
import { type GoldenFrame, readGolden } from './languages.ts'

// What a peer wrote, said in proto3's JSON by that peer and turned into objects without our codecs: so that neither what we
// read nor what we write is judged by ourselves.

const PROTO = join(__dirname, '..', 'peers', 'peers.proto')
const SCHEMAS = join(__dirname, '..', '..', 'schemas')

/** The peers' protocol: by default that of asyncio, with the header `type:u16 length:u32` and numbers by `(qbp.type)`. */
export function loadPeers(options: ProtocolOptions = {}): Promise<Protocol> {
  return Protocol.load(PROTO, { includeDirs: [SCHEMAS], ...options })
}

/** The messages of a golden file, as a reader hands them out but for their class: plain objects, each with its `$name`. */
export async function readGoldenMessages(file: string): Promise<Record<string, unknown>[]> {
  const root = new protobuf.Root()
  root.resolvePath = (origin, target) => (origin === '' ? target : null) // What it imports defines options alone.
  await root.load(PROTO)
  root.resolveAll()
  return readGolden(file).map(({ name, message }: GoldenFrame) => ({
    $name: name,
    ...plain(root.lookupType(`peers.${name}`), message),
  }))
}

function plain(type: protobuf.Type, json: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(json).map(([name, value]) => {
      const field = type.fields[name]
      if (field === undefined) throw new Error(`${type.fullName} has no field ${name}`)
      if (field.repeated) return [name, value.map((item: unknown) => valueIn(field, item))]
      if (!field.map) return [name, valueIn(field, value)]
      return [name, Object.fromEntries(Object.entries(value).map(([key, item]) => [key, valueIn(field, item)]))]
    }),
  )
}

function valueIn(field: protobuf.Field, json: unknown): unknown {
  if (field.resolvedType instanceof protobuf.Type) return plain(field.resolvedType, json as object)
  if (field.type === 'bytes') return Buffer.from(json as string, 'base64')
  if (field.type === 'double') return Number(json) // 'NaN' and 'Infinity' are text.
  if (field.type === 'float') return Math.fround(Number(json))
  return /64$/.test(field.type) ? BigInt(json as string) : json
}
