// Not in fixtures.mjs: every process has those, and a second protobufjs would be a third of what Qbp's has on its heap.

import protobuf from 'protobufjs'
import { fileOf } from './fixtures.mjs'

/** The schema by protobufjs alone, for the bare loops and for peers that bring no protobuf of their own. */
export function loadRoot() {
  const root = new protobuf.Root()
  root.resolvePath = (_, target) => {
    if (target === 'qbp/options.proto') return fileOf('../schemas/qbp/options.proto')
    if (target === 'google/protobuf/descriptor.proto') {
      return new URL('node_modules/protobufjs/google/protobuf/descriptor.proto', import.meta.url).pathname
    }
    return target
  }
  return root.loadSync(fileOf('messages.proto'))
}
