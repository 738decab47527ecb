// The bytes that Qbp sends, for questions that need them beforehand.

import { QbpWritable } from '../../dist/entry/index.js'
import { protocol } from '../peers/qbp.mjs'

/** The frames of `count` messages, the given ones over and over. */
export function frames(messages, count) {
  const writer = new QbpWritable(protocol, { maxQueuedBytes: Number.POSITIVE_INFINITY })
  const chunks = []
  writer.on('data', (chunk) => chunks.push(chunk))
  for (const message of messages) writer.write(message)
  writer.end()
  return new Promise((resolve) => {
    writer.on('end', () => {
      const cycle = Buffer.concat(chunks)
      const whole = Math.floor(count / messages.length)
      resolve(Buffer.concat(Array.from({ length: whole }, () => cycle)))
    })
  })
}
