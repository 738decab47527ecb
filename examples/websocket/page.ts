// What runs in the browser: a subscription to the market, over a WebSocket to where the page came from. It is bundled by server.ts.

import { connections, Protocol } from '../../lib/web/index.ts'
import { feed } from '../../schemas/feed.ts'

// The least of the browser's own that is used here: this repository is compiled for Node.
declare const document: { getElementById(id: string): { textContent: string } }
declare const location: { readonly host: string }

const show = (id: string, text: string): void => {
  document.getElementById(id).textContent = text
}

/** Shows the quotes of one symbol until the server has no more. */
async function watch(): Promise<void> {
  let quotes = 0
  for await (const { reader, writer } of connections(Protocol.from(feed), `ws://${location.host}/feed`)) {
    await writer.writeMessage({ $name: 'Subscribe', symbols: ['ACME'] })
    for await (const message of reader) {
      if (message.$name === 'Snapshot') show('snapshot', JSON.stringify(message.quotes))
      if (message.$name !== 'Quote') continue
      quotes++
      show('quote', `${message.symbol} ${message.bid} / ${message.ask}`)
    }
    break
  }
  show('end', `${quotes} quotes`)
}

void watch().catch((fault) => show('end', String(fault)))
