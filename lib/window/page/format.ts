const two = (value: number): string => String(value).padStart(2, '0')

/** 14:03:07.251, in the reader's own time zone; nothing where it is not known. */
export function clock(at: number): string {
  if (at === 0) return ''
  const date = new Date(at)
  const ms = String(date.getMilliseconds()).padStart(3, '0')
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms}`
}

const grouped = new Intl.NumberFormat('en')
export const count = (value: number): string => grouped.format(value)

/** 512 B, 3.2 kB, 14 MB: three digits. */
export function bytes(value: number): string {
  let unit = 'B'
  for (const next of ['kB', 'MB', 'GB', 'TB']) {
    if (value < 999.5) break
    value /= 1000
    unit = next
  }
  return `${unit === 'B' || value >= 99.5 ? Math.round(value) : value.toPrecision(2)} ${unit}`
}

/** How many a second: 0, 0.5, 12, 1,300. */
export function rate(value: number): string {
  if (value === 0) return '0'
  if (value < 10) return value.toFixed(1).replace(/\.0$/, '')
  return count(Number(value.toPrecision(2)))
}

/** 0.4 ms, 12 ms, 3.1 s: between two things seen. */
export function span(ms: number): string {
  if (ms < 1000) return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`
  return `${(ms / 1000).toFixed(1)} s`
}

export const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')

/** A value in one line, as JSON with bare keys, cut where it gets long. */
export function line(value: unknown, most = 240): string {
  let text = ''
  const write = (part: unknown): void => {
    if (text.length > most) return
    if (Array.isArray(part)) list(part.slice(0, 20), '[', ']', write, part.length > 20)
    else if (typeof part === 'object' && part !== null) {
      list(Object.entries(part), '{', '}', ([key, item]) => {
        text += /^\w+$/.test(key) ? `${key}: ` : `${JSON.stringify(key)}: `
        write(item)
      })
    } else text += JSON.stringify(part)
  }
  const list = <T>(items: T[], open: string, close: string, each: (item: T) => void, more = false): void => {
    text += open
    items.forEach((item, i) => {
      if (text.length > most) return
      if (i > 0) text += ', '
      each(item)
    })
    text += more ? ', …' : ''
    text += close
  }
  write(value)
  return text.length > most ? `${text.slice(0, most)}…` : text
}
