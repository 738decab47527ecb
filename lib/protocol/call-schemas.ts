// The messages that calls travel in, as protobufjs has them in JSON: those of schemas/qbp/calls.proto, and ttrpc's. Here they
// are ordinary messages, for tools and for streams by themselves; connections have a dialect of calls for them.

/** schemas/qbp/calls.proto: a spec holds both against each other. */
export const QBP_CALLS: object = {
  nested: {
    google: {
      nested: {
        protobuf: {
          nested: {
            Any: {
              edition: 'proto3',
              fields: { typeUrl: { type: 'string', id: 1 }, value: { type: 'bytes', id: 2 } },
            },
          },
        },
      },
    },
    qbp: {
      nested: {
        Step: { edition: 'proto3', values: { LAST: 0, MORE: 1, CANCEL: 2, CREDIT: 3 } },
        Call: {
          edition: 'proto3',
          fields: {
            id: { type: 'uint32', id: 1 },
            step: { type: '.qbp.Step', id: 2 },
            method: { type: 'string', id: 3 },
            timeoutMs: { type: 'uint32', id: 4 },
            credit: { type: 'uint32', id: 5 },
            metadata: { keyType: 'string', type: 'string', id: 6 },
            body: { type: 'bytes', id: 15 },
          },
        },
        Reply: {
          edition: 'proto3',
          fields: {
            id: { type: 'uint32', id: 1 },
            step: { type: '.qbp.Step', id: 2 },
            message: { type: 'string', id: 3 },
            code: { type: 'uint32', id: 4 },
            credit: { type: 'uint32', id: 5 },
            metadata: { keyType: 'string', type: 'string', id: 6 },
            details: { rule: 'repeated', type: '.google.protobuf.Any', id: 7 },
            body: { type: 'bytes', id: 15 },
          },
        },
      },
    },
  },
}

/** https://github.com/containerd/ttrpc/blob/main/request.proto, and google.rpc.Status within it. */
export const TTRPC: object = {
  nested: {
    ...(QBP_CALLS as { nested: object }).nested,
    ttrpc: {
      nested: {
        Request: {
          edition: 'proto3',
          fields: {
            service: { type: 'string', id: 1 },
            method: { type: 'string', id: 2 },
            payload: { type: 'bytes', id: 3 },
            timeoutNano: { type: 'int64', id: 4 },
            metadata: { rule: 'repeated', type: '.ttrpc.KeyValue', id: 5 },
          },
        },
        KeyValue: {
          edition: 'proto3',
          fields: { key: { type: 'string', id: 1 }, value: { type: 'string', id: 2 } },
        },
        Response: {
          edition: 'proto3',
          fields: { status: { type: '.ttrpc.Status', id: 1 }, payload: { type: 'bytes', id: 2 } },
        },
        Status: {
          edition: 'proto3',
          fields: {
            code: { type: 'int32', id: 1 },
            message: { type: 'string', id: 2 },
            details: { rule: 'repeated', type: '.google.protobuf.Any', id: 3 },
          },
        },
      },
    },
  },
}
