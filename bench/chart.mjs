// The ratios of a run as a picture, by Observable Plot, which is told the data and draws the bars; linkedom lends it a
// document, so that no browser is needed.

import { writeFileSync } from 'node:fs'
import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'

const COLORS = { 'goal met': '#1a7f5a', 'goal missed': '#c2410c', 'no goal': '#64748b' }
const INK = '#1e293b'
const MUTED = '#64748b'

const WIDTH = 1160
const ROW = 24
const LINE = 18
/** The labels' column, and that of the figures. */
const LEFT = 430
const RIGHT = 220
/** About as many characters stand in a line of small print. */
const LINE_LENGTH = 175

/** What the questions are called in the picture. */
const TITLES = {
  decode: 'Reading',
  encode: 'Writing',
  'one-way': 'One way, from process to process',
  echo: 'There and back, as many under way as the library lets',
  bulk: 'Long bodies',
  'round-trip': 'There and back, one at a time',
  calls: 'Calls',
  'server-cpu': 'Processor time of a server',
  broadcast: 'One message to 1,000 connections',
  'idle-memory': 'Memory of a connection that says nothing',
  'many-connections': 'Many connections',
  'chunk-sizes': 'A large body in small chunks',
  fairness: 'One client floods tiny frames',
  bus: 'More than one process',
}

/** Writes the chart of a run's rows as SVG. */
export function writeChart({ date, machine, versions, rows, skipped }, file) {
  const { document } = parseHTML('<!doctype html><html><body></body></html>')
  const data = rows.map(bar)
  const timed = data.filter(({ better }) => better !== undefined)
  const bands = data.flatMap(({ question, key }, i) =>
    question === data[i - 1]?.question ? [key] : [heading(question), key],
  )
  const questions = [...new Set(data.map(({ question }) => question))]
  const small = [
    ...wrapped(
      `Compared, as installed: ${Object.entries(versions)
        .map((each) => each.join(' '))
        .join(', ')}.`,
    ),
    ...skipped.map(({ question, reason }) => `${question}: skipped. ${reason}`),
  ]
  const top = 84 + LINE * small.length
  const ends = [1, ...timed.flatMap(({ better, goal = better }) => [better, goal])]
  // Room for the numbers beside the longest bars.
  const domain = [Math.min(...ends) / 2.2, Math.max(...ends) * 2]
  const ticks = [0.001, 0.01, 0.1, 1, 10, 100, 1000].filter((tick) => tick > domain[0] && tick < domain[1])
  const atTop = (text, line, options = {}) =>
    Plot.text([text], { frameAnchor: 'top-left', dx: 20 - LEFT, dy: line - top, fill: INK, ...options })
  const chart = Plot.plot({
    document,
    width: WIDTH,
    height: top + bands.length * ROW + 60,
    marginLeft: LEFT,
    marginRight: RIGHT,
    marginTop: top,
    marginBottom: 60,
    style: { fontFamily: 'system-ui, sans-serif', fontSize: '13px', background: 'white', color: INK },
    x: { type: 'log', domain, axis: null },
    y: { domain: bands, axis: null, padding: 0.2 },
    color: { domain: Object.keys(COLORS), range: Object.values(COLORS) },
    marks: [
      Plot.gridX({ ticks, stroke: INK, strokeOpacity: 0.12 }),
      Plot.axisX({
        ticks,
        tickFormat: (tick) => `${tick}×`,
        label: 'times better than what stands behind the colon; 1 is the same, a black line the goal →',
        labelAnchor: 'right',
        labelOffset: 44,
      }),
      Plot.barX(timed, { x1: 1, x2: 'better', y: 'key', fill: 'verdict', fillOpacity: 0.9, rx: 1.5 }),
      Plot.ruleX([1], { stroke: INK }),
      Plot.tickX(
        timed.filter(({ goal }) => goal !== undefined),
        { x: 'goal', y: 'key', stroke: '#0f172a', strokeWidth: 2.5 },
      ),
      // Behind the end of the bar, or of its goal where that lies farther out.
      ...[true, false].map((right) =>
        Plot.text(
          timed.filter(({ better }) => better >= 1 === right),
          {
            x: ({ better, goal = better }) => (right ? Math.max(better, goal) : Math.min(better, goal)),
            y: 'key',
            text: ({ better }) => `${better < 9.95 ? better.toFixed(2) : better.toFixed(0)}×`,
            textAnchor: right ? 'start' : 'end',
            dx: right ? 7 : -7,
            fontWeight: 600,
          },
        ),
      ),
      Plot.text(data, { frameAnchor: 'left', y: 'key', text: 'measure', dx: 20 - LEFT, textAnchor: 'start' }),
      Plot.text(data, {
        frameAnchor: 'right',
        y: 'key',
        text: 'figures',
        dx: RIGHT - 20,
        textAnchor: 'end',
        fill: MUTED,
        fontSize: 12,
      }),
      Plot.text(questions, {
        frameAnchor: 'left',
        y: heading,
        text: (question) => TITLES[question] ?? question,
        dx: 20 - LEFT,
        dy: 3,
        textAnchor: 'start',
        fontWeight: 700,
      }),
      atTop('What Qbp takes, beside others', 28, { fontSize: 19, fontWeight: 700 }),
      atTop(`${date}, ${machine}. Medians of rounds in turn.`, 52),
      ...small.map((text, i) => atTop(text, 52 + LINE * (i + 1), { fill: MUTED, fontSize: 12 })),
      ...Object.entries(COLORS).map(([verdict, fill], i) =>
        Plot.text([`■ ${verdict}`], {
          frameAnchor: 'top-right',
          dx: RIGHT - 20 - [230, 100, 0][i],
          dy: 28 - top,
          textAnchor: 'end',
          fill,
          fontWeight: 600,
        }),
      ),
    ],
  })
  chart.setAttribute('xmlns', 'http://www.w3.org/2000/svg')
  writeFileSync(file, `${chart.outerHTML}\n`)
}

/** A row as it is drawn. Every bar grows with what is better: how many times as much, or as little, as the other. */
function bar({ question, measure, unit, ours, theirs, ratio, most, least, met, fault }) {
  const row = { question, measure, key: `${question} ${measure}` }
  if (fault !== null) return { ...row, figures: 'not timed: messages were lost, or it failed' }
  const isLess = !/\/s$/.test(unit)
  const turn = (value) => (value === undefined ? undefined : isLess ? 1 / value : value)
  return {
    ...row,
    better: turn(ratio),
    goal: turn(most ?? least),
    verdict: met === null ? 'no goal' : met ? 'goal met' : 'goal missed',
    figures: `${figure(ours)} : ${figure(theirs)} ${unit}`,
  }
}

/** The band above a question's rows. */
const heading = (question) => `heading of ${question}`

/** Three digits. */
function figure(number) {
  return new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 }).format(number)
}

function wrapped(text) {
  const lines = ['']
  // Between the things, not between a thing and its version.
  for (const word of text.split(/(?<=[,:]) /)) {
    const line = `${lines.at(-1)} ${word}`.trim()
    if (line.length <= LINE_LENGTH) lines[lines.length - 1] = line
    else lines.push(word)
  }
  return lines
}
