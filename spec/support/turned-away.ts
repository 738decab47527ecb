import net from 'node:net'

/** Connects where a server is to refuse it, and resolves once it has: by a reset or by an end. */
export function turnedAway(port: number): Promise<void> {
  return new Promise((resolve) => {
    net
      .connect(port, '127.0.0.1')
      .on('error', () => {})
      .on('close', () => resolve())
      .resume()
  })
}
