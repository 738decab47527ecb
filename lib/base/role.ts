/** Which end of a connection: `client` lists what the client sends. */
export type Role = 'client' | 'server'

/** The role at the other end. */
export const other = (role: Role): Role => (role === 'client' ? 'server' : 'client')
