import type { Field, Type } from '../../type.ts'

/** A message as ProtoJSON has it: enums by name, 64-bit integers as text, bytes in base64; what was not sent is left out. */
export function toJson(type: Type, message: object): Record<string, unknown> {
  const json: Record<string, unknown> = {}
  for (const field of type.fields) {
    if (!Object.hasOwn(message, field.name)) continue
    const value = (message as Record<string, unknown>)[field.name]
    if (field.key !== null) {
      const entries = Object.entries(value as object).map(([key, item]) => [key, one(field, item)])
      json[field.name] = Object.fromEntries(entries)
    } else json[field.name] = field.repeated ? (value as unknown[]).map((item) => one(field, item)) : one(field, value)
  }
  return json
}

function one({ enum: names, message }: Field, value: unknown): unknown {
  if (message !== null) return value === null ? null : toJson(message, value as object)
  if (names !== null) return names.names.get(value as number) ?? value
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  if (typeof value === 'bigint') return String(value)
  return value instanceof Uint8Array ? base64(value) : value
}

export function base64(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += 0x2000) text += String.fromCharCode(...bytes.subarray(i, i + 0x2000))
  return btoa(text)
}
