import { type Conversation, nameOf, type Row } from './conversation.ts'

/** A command that sends a row's message again, to where it was sent. */
export function sendCommand(conversation: Conversation, row: Row): string {
  const [, target = 'HOST:PORT'] = conversation.title.split(' → ')
  const role = row.from === 'server' ? ' --role server' : ''
  const message = `${nameOf(row)} ${JSON.stringify(conversation.json(row) ?? {})}`
  return `qbp send ${target} ${quoted(message)} ${conversation.options}${role}`
}

/** As one word of a shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`
