import { useState } from 'preact/hooks'
import type { Role } from '../../base/role.ts'
import type { Conversation, Row } from './conversation.ts'
import type { Store } from './store.ts'

const MOST_LINES = 14

interface EditorProps {
  readonly store: Store
  readonly conversation: Conversation
  readonly row: Row
}

/** A message as JSON, to be changed and sent in its side's name, or in the other's, on a connection that is open. */
export function Editor({ store, conversation, row }: EditorProps) {
  const [text, setText] = useState(() => conversation.editable(row))
  const open = [...store.connections.values()]
    .filter(({ sums }) => sums.closed === 0)
    .map(({ sums }) => sums.connection)
  const [wanted, setWanted] = useState(row.connection)
  const [from, setFrom] = useState<Role>(row.from)
  const [outcome, setOutcome] = useState<{ error: boolean; text: string } | null>(null)
  const connection = open.includes(wanted) ? wanted : open.at(-1)

  const send = async () => {
    if (connection === undefined) return
    try {
      const bytes = conversation.frameOf(text, from)
      const error = await store.send(connection, from, bytes)
      setOutcome(
        error === ''
          ? { error: false, text: `Sent on connection ${connection}: ${bytes.length} bytes.` }
          : { error: true, text: error },
      )
    } catch (fault) {
      setOutcome({ error: true, text: (fault as Error).message })
    }
  }
  return (
    <form
      class="editor"
      aria-label="Edit and send"
      onSubmit={(event) => {
        event.preventDefault()
        void send()
      }}
    >
      <textarea
        aria-label="The message as JSON"
        spellcheck={false}
        rows={Math.min(MOST_LINES, text.split('\n').length)}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void send()
        }}
      />
      <p class="send">
        <label>
          Connection{' '}
          <select
            aria-label="Connection"
            value={connection}
            onChange={(event) => setWanted(Number(event.currentTarget.value))}
          >
            {open.map((id) => (
              <option key={id} value={id}>
                {id}
              </option>
            ))}
          </select>
        </label>
        <label>
          To{' '}
          <select aria-label="To" value={from} onChange={(event) => setFrom(event.currentTarget.value as Role)}>
            <option value="client">the server →</option>
            <option value="server">← the client</option>
          </select>
        </label>
        <button type="submit" disabled={connection === undefined} title="Ctrl-Enter">
          Send
        </button>
        <output class={outcome?.error ? 'wrong' : ''}>
          {connection === undefined ? 'No connection is open.' : outcome?.text}
        </output>
      </p>
    </form>
  )
}
