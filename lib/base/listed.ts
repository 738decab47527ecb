/** Names for an error's text, `a, b, …`: the first twelve, since a schema may have thousands. */
export function listed(names: readonly string[], most = 12): string {
  return `${names.slice(0, most).join(', ')}${names.length > most ? ', …' : ''}`
}
