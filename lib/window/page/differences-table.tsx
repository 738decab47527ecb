import type { FrameJson } from '../../protojson/frame-json.ts'
import { differences } from './differences.ts'
import { line } from './format.ts'
import type { Store } from './store.ts'

interface DifferencesProps {
  readonly store: Store
  /** The message that was chosen to be compared with, and the one that is shown. */
  readonly before: FrameJson
  readonly after: FrameJson
}

/** Of two messages all that differs, a line each. */
export function Differences({ store, before, after }: DifferencesProps) {
  const found = differences(comparable(before), comparable(after))
  return (
    <section class="differences" aria-label="Differences">
      <p>
        {found.length === 0 ? 'The same as' : `${found.length} ${found.length === 1 ? 'difference' : 'differences'} to`}{' '}
        <button type="button" class="plain" onClick={() => store.select(store.compared)}>
          {before.name ?? `type ${before.type}`} at {before.offset}
        </button>{' '}
        <button type="button" class="plain" onClick={() => store.compare(null)}>
          Compare no more
        </button>
      </p>
      {found.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">Field</th>
              <th scope="col">There</th>
              <th scope="col">Here</th>
            </tr>
          </thead>
          <tbody>
            {found.map(({ path, before, after }) => (
              <tr key={path}>
                <th scope="row">{path.replace(/^(?:message|fields)[.]?/, '') || path}</th>
                <td class="before">{text(before)}</td>
                <td class="after">{text(after)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}

/** Without what is only so of each frame. */
function comparable({ name, type, header, message, fields, body, error }: FrameJson): object {
  const isBytes = message === undefined && fields === undefined
  return { name, type, header: header ?? {}, message, fields, error, ...(isBytes && { body }) }
}

const text = (value: unknown) => (value === undefined ? <span class="none">none</span> : line(value, 2000))
