// The messages that calls travel in: those of schemas/qbp/calls.proto, and ttrpc's. Here they are ordinary messages, for tools and for
// streams by themselves; connections have a dialect of calls for them.

import type { Description, FieldDescription } from './description.ts'

const field = (
  id: number,
  name: string,
  kind: FieldDescription['kind'],
  more: Partial<FieldDescription> = {},
): FieldDescription => ({ name, id, kind, ...more })
const strings = { key: 'string' } as const
const list = (type: string) => ({ type, repeated: true }) as const

const ANY = {
  fields: [field(1, 'typeUrl', 'string', { protoName: 'type_url' }), field(2, 'value', 'bytes')],
}

/** schemas/qbp/calls.proto: a spec holds both against each other. */
export const QBP_CALLS: Description = {
  packages: ['qbp', 'google.protobuf'],
  enums: { 'qbp.Step': { values: { LAST: 0, MORE: 1, CANCEL: 2, CREDIT: 3 } } },
  services: {},
  messages: {
    'google.protobuf.Any': ANY,
    'qbp.Call': {
      fields: [
        field(1, 'id', 'uint32'),
        field(2, 'step', 'enum', { type: 'qbp.Step' }),
        field(3, 'method', 'string'),
        field(4, 'timeoutMs', 'uint32', { protoName: 'timeout_ms' }),
        field(5, 'credit', 'uint32'),
        field(6, 'metadata', 'string', strings),
        field(15, 'body', 'bytes'),
      ],
    },
    'qbp.Reply': {
      fields: [
        field(1, 'id', 'uint32'),
        field(2, 'step', 'enum', { type: 'qbp.Step' }),
        field(3, 'message', 'string'),
        field(4, 'code', 'uint32'),
        field(5, 'credit', 'uint32'),
        field(6, 'metadata', 'string', strings),
        field(7, 'details', 'message', list('google.protobuf.Any')),
        field(15, 'body', 'bytes'),
      ],
    },
  },
}

/** https://github.com/containerd/ttrpc/blob/main/request.proto, and google.rpc.Status within it. */
export const TTRPC: Description = {
  packages: ['ttrpc', 'google.protobuf'],
  enums: {},
  services: {},
  messages: {
    'google.protobuf.Any': ANY,
    'ttrpc.Request': {
      fields: [
        field(1, 'service', 'string'),
        field(2, 'method', 'string'),
        field(3, 'payload', 'bytes'),
        field(4, 'timeoutNano', 'int64', { protoName: 'timeout_nano' }),
        field(5, 'metadata', 'message', list('ttrpc.KeyValue')),
      ],
    },
    'ttrpc.KeyValue': { fields: [field(1, 'key', 'string'), field(2, 'value', 'string')] },
    'ttrpc.Response': {
      fields: [field(1, 'status', 'message', { type: 'ttrpc.Status' }), field(2, 'payload', 'bytes')],
    },
    'ttrpc.Status': {
      fields: [
        field(1, 'code', 'int32'),
        field(2, 'message', 'string'),
        field(3, 'details', 'message', list('google.protobuf.Any')),
      ],
    },
  },
}
