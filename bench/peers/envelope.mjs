// For peers that carry bytes: the messages in an Envelope, by protobufjs as its README uses it.

import { loadRoot } from '../schema.mjs'

const Envelope = loadRoot().lookupType('bench.Envelope')

export const prepare = (name, fields) => Envelope.create({ [name.toLowerCase()]: fields })

export const encode = (message) => Envelope.encode(message).finish()

export function decode(bytes, received) {
  const envelope = Envelope.decode(bytes)
  const kind = envelope.message
  received(NAMES[kind], envelope[kind])
  return envelope
}

export const NAMES = { say: 'Say', move: 'Move', reading: 'Reading', order: 'Order', blob: 'Blob' }
