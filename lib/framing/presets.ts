/** The layout of a protocol that names none. */
export const DEFAULT_LAYOUT = 'type:u16 length:u32'
/** ttrpc, in which containerd talks to its shims: https://github.com/containerd/ttrpc/blob/main/PROTOCOL.md */
export const TTRPC_LAYOUT = 'length:u32 stream:u32 type:u8 flags:u8'

/** Layouts of protocols that exist, by name. docs/existing-protocols.md lists them and more. */
export const headers = {
  /** Qbp's default, and Mumble's: https://mumble-protocol.readthedocs.io/en/latest/protocol_stack_tcp.html */
  default: DEFAULT_LAYOUT,
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
  /** What is in them: https://github.com/SteamRE/SteamKit/blob/master/SteamKit2/SteamKit2/Base/MsgBase.cs */
  steamMessage:
    'length(rest-4):u32le "VT01" [proto:1 type:31]:u32le length(CMsgProtoBufHeader):u32le {CMsgProtoBufHeader}',
  /** ttrpc, in which containerd talks to its shims: https://github.com/containerd/ttrpc/blob/main/PROTOCOL.md */
  ttrpc: TTRPC_LAYOUT,
  /** Connect's streams, bit 1 the last message: https://connectrpc.com/docs/protocol/#streaming-rpcs */
  connect: 'type:u8 length:u32',
  /** gRPC-Web, bit 7 the trailers: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md */
  grpcWeb: 'type:u8 length:u32',
  /** brpc's baidu_std: https://github.com/apache/brpc/blob/master/docs/en/baidu_std.md */
  brpc: '"PRPC" length(RpcMeta+body+attachment):u32 length(RpcMeta):u32 {RpcMeta} length(attachment)=RpcMeta.attachment_size body attachment:bytes',
  /** Pulsar's binary protocol: https://pulsar.apache.org/docs/developing-binary-protocol/ */
  pulsar:
    'length(rest):u32 length:u32 body ( 0x0e01 crc32c(rest):u32 length(MessageMetadata):u32 {MessageMetadata} payload:bytes )?',
  /** Hadoop's IPC, its simple authentication: https://wiki.apache.org/hadoop/HadoopRpc */
  hadoop: {
    client:
      '"hrpc" 0x090000 | length(rest):u32 length(RpcRequestHeaderProto):varint {RpcRequestHeaderProto} length:varint body rest:bytes',
    server: 'length(rest):u32 length(RpcResponseHeaderProto):varint {RpcResponseHeaderProto} ( length:varint body )?',
  },
  /** HBase's RPC, its simple authentication: https://hbase.apache.org/book.html#hbase.rpc */
  hbase: {
    client:
      '"HBas" 0x0050 length(ConnectionHeader):u32 {ConnectionHeader} | length(rest):u32 length(RequestHeader):varint {RequestHeader} ( length:varint body cells:bytes )?',
    server: 'length(rest):u32 length(ResponseHeader):varint {ResponseHeader} ( length:varint body cells:bytes )?',
  },
  /** Kudu's and Impala's KRPC: https://github.com/apache/kudu/blob/master/docs/design-docs/rpc.md */
  kudu: {
    client:
      '"hrpc" 0x090000 | length(rest):u32 length(RequestHeader):varint {RequestHeader} length:varint body rest:bytes',
    server: 'length(rest):u32 length(ResponseHeader):varint {ResponseHeader} length:varint body rest:bytes',
  },
  /** Syncthing's Block Exchange Protocol: https://docs.syncthing.net/specs/bep-v1.html */
  syncthing: '0x2ea7d90b length(Hello):u16 {Hello} | length(Header):u16 {Header} type=Header.type length:u32',
  /** OpenStreetMap's files: https://wiki.openstreetmap.org/wiki/PBF_Format */
  osmpbf: 'length(BlobHeader):u32 {BlobHeader} type=BlobHeader.type length=BlobHeader.datasize',
  /** TensorFlow's records: https://www.tensorflow.org/tutorials/load_data/tfrecord */
  tfrecord: 'length:u64le maskedcrc32c(length):u32le body maskedcrc32c(body):u32le',
  /** OLA's RPC: https://github.com/OpenLightingProject/ola/blob/master/common/rpc/RpcHeader.h */
  ola: '[version:4 length:28]:u32le',
  /** Google's MCS, by which push messages come: a byte for the version before the first message of either. */
  mcs: { client: '0x29 | type:u8 length:varint', server: 'version:u8 | type:u8 length:varint' },
  /** Meshtastic's stream: https://meshtastic.org/docs/development/device/client-api/ */
  meshtastic: '0x94c3 length:u16',
  /** The Embedded Sass protocol: https://github.com/sass/sass/blob/main/spec/embedded-protocol.md */
  sass: 'length(rest):varint id:varint',
  /** A Perfetto trace, which is one message of nothing but packets: https://perfetto.dev/docs/reference/trace-packet-proto */
  perfetto: '0x0a length:varint',
} as const
