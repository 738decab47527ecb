/** All bytes of a stream, or null where it has more than `most`: it is read no further then. @throws its own fault. */
export async function gathered(chunks: AsyncIterable<Uint8Array>, most: number): Promise<Uint8Array | null> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const chunk of chunks) {
    length += chunk.length
    if (length > most) return null
    parts.push(chunk)
  }
  const bytes = new Uint8Array(length)
  let pos = 0
  for (const part of parts) {
    bytes.set(part, pos)
    pos += part.length
  }
  return bytes
}
