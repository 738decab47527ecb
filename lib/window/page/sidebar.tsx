import type { ConnectionState } from './connection-state.ts'
import { NO_FILTER } from './filter.ts'
import { count, bytes as inBytes, rate } from './format.ts'
import type { Store } from './store.ts'

const MOST_SHOWN = 200

/** Connections and names, with what passed; a click shows only them. */
export function Sidebar({ store }: { store: Store }) {
  const all = [...store.connections.values()]
  const open = all.filter(({ sums }) => sums.closed === 0)
  const closed = all.filter(({ sums }) => sums.closed !== 0).reverse()
  const shown = [...open.reverse(), ...closed].slice(0, MOST_SHOWN)
  const names = [...store.names].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, MOST_SHOWN)
  const most = names[0]?.[1] ?? 1
  return (
    <aside>
      <section>
        <h2>
          Connections <small>{open.length === all.length ? open.length : `${open.length} open of ${all.length}`}</small>
        </h2>
        <ul class="connections">
          {shown.map((connection) => (
            <Connection key={connection.sums.connection} {...{ store, connection }} />
          ))}
          {shown.length === 0 && <li class="none">None yet</li>}
        </ul>
      </section>
      <section>
        <h2>
          Names <small>{store.names.size || ''}</small>
        </h2>
        <ul class="names">
          {names.map(([name, frames]) => (
            <li key={name}>
              <button
                type="button"
                aria-pressed={store.filter.names.has(name)}
                onClick={(event) => store.setFilter({ names: toggled(store.filter.names, name, event) })}
              >
                <span class="name" title={name}>
                  {name}
                </span>
                <span class="number">{count(frames)}</span>
                <span class="bar" style={{ width: `${(100 * frames) / most}%` }} />
              </button>
            </li>
          ))}
          {names.length === 0 && <li class="none">None yet</li>}
        </ul>
      </section>
    </aside>
  )
}

/** Only this one, or all again; with Ctrl, Cmd or Shift it joins the others or leaves them. */
function toggled<T>(chosen: ReadonlySet<T>, item: T, event: MouseEvent): ReadonlySet<T> {
  if (event.ctrlKey || event.metaKey || event.shiftKey)
    return new Set(chosen.has(item) ? [...chosen].filter((each) => each !== item) : [...chosen, item])
  return chosen.has(item) && chosen.size === 1 ? new Set() : new Set([item])
}

function Connection({ store, connection: state }: { store: Store; connection: ConnectionState }) {
  const { connection, client, server, closed } = state.sums
  const { frames, bytes } = state.rate(performance.now())
  const faults = (client?.faults ?? 0) + (server?.faults ?? 0)
  const total = state.total
  return (
    <li>
      <button
        type="button"
        aria-pressed={store.filter.connections.has(connection)}
        onClick={(event) => store.setFilter({ connections: toggled(store.filter.connections, connection, event) })}
      >
        <span class="who">
          <i class={closed === 0 ? 'dot open' : 'dot'} title={closed === 0 ? 'open' : 'closed'} />
          <b>{connection}</b>
          <span class="peer">{client?.peer || 'client'}</span>
          {faults > 0 && (
            <span class="faults" title="faults">
              {count(faults)} ⚠
            </span>
          )}
          <span class="number rate">{closed === 0 ? `${rate(frames)}/s · ${inBytes(bytes)}/s` : 'closed'}</span>
        </span>
        <span class="sums">
          <span class="client">→ {count(client?.frames ?? 0)}</span>
          <span>{inBytes(client?.bytes ?? 0)}</span>
          <span class="server">← {count(server?.frames ?? 0)}</span>
          <span>{inBytes(server?.bytes ?? 0)}</span>
          <span class="total" title={`${count(total.frames)} frames, ${count(total.bytes)} bytes`}>
            {count(total.frames)} · {inBytes(total.bytes)}
          </span>
        </span>
      </button>
    </li>
  )
}

/** Whether a filter is set at all. */
export const filtered = ({ filter }: Store): boolean =>
  filter.text !== NO_FILTER.text || filter.names.size > 0 || filter.connections.size > 0 || filter.from !== null
