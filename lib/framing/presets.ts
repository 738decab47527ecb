/** Layouts of protocols that exist, by name. */
export const headers = {
  /** Qbp's default, and Mumble's: https://mumble-protocol.readthedocs.io/en/latest/protocol_stack_tcp.html */
  default: 'type:u16 length:u32',
  /** https://mumble-protocol.readthedocs.io/en/latest/protocol_stack_tcp.html */
  mumble: 'type:u16 length:u32',
  /** MySQL's X Protocol: https://dev.mysql.com/doc/dev/mysql-server/latest/mysqlx_protocol_messages.html */
  mysqlx: 'length(rest):u32le type:u8',
  /** https://docs.riak.com/riak/kv/latest/developing/api/protocol-buffers/index.html */
  riak: 'length(rest):u32 type:u8',
  /** ESPHome's native API, unencrypted: https://developers.esphome.io/architecture/api/protocol_details/ */
  esphome: '0x00 length:varint type:varint',
  /** Google Cast (CASTV2), Riemann, cTrader: a bare big-endian length. */
  castv2: 'length:u32',
  /** `writeDelimitedTo` of Java and C++, Go's protodelim, libp2p, CometBFT. */
  delimited: 'length:varint',
  /** ABCI over a socket, in Tendermint up to 0.34: https://github.com/cometbft/cometbft/discussions/300 */
  tendermint: 'length:zigzag',
  /** gRPC's length-prefixed message: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
  grpc: 'flags:u8 length:u32',
  /** Steam's CM connections; the constant is 'VT01'. */
  steam: 'length:u32le 0x56543031',
  /** ttrpc, in which containerd talks to its shims: https://github.com/containerd/ttrpc/blob/main/PROTOCOL.md */
  ttrpc: 'length:u32 stream:u32 type:u8 flags:u8',
} as const
