// The ratios of a run as a picture, by Observable Plot, which is told the data and draws the axes; linkedom lends it a
// document, so that no browser is needed.

import { writeFileSync } from 'node:fs'
import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'

const COLORS = { 'goal met': '#1a7f5a', 'goal missed': '#c2410c', 'no goal': '#64748b' }
const ROW = 26

/** Writes the chart of a run's rows as SVG. */
export function writeChart({ date, machine, rows }, file) {
  const { document } = parseHTML('<!doctype html><html><body></body></html>')
  const data = rows
    .filter(({ fault }) => fault === null)
    .map(({ question, measure, ratio, most, least, met, unit }) => {
      // Every bar grows with what is better: how many times as much, or as little, as the other.
      const less = !/\/s$/.test(unit)
      const turn = (value) => (value === undefined ? undefined : less ? 1 / value : value)
      return {
        label: measure,
        question,
        better: turn(ratio),
        goal: turn(most ?? least),
        verdict: met === null ? 'no goal' : met ? 'goal met' : 'goal missed',
      }
    })
  const text = (value) => `${value < 10 ? value.toFixed(2) : value.toFixed(0)}×`
  const chart = Plot.plot({
    document,
    width: 1000,
    height: data.length * ROW + 90,
    marginLeft: 430,
    marginRight: 70,
    marginTop: 40,
    marginBottom: 50,
    style: { fontFamily: 'system-ui, sans-serif', fontSize: '13px', background: 'white', color: '#1e293b' },
    x: {
      type: 'log',
      label: 'times better than what stands behind the colon (1 = the same, the line in a bar = the goal) →',
      grid: true,
      ticks: [0.1, 1, 10, 100],
      tickFormat: (tick) => `${tick}×`,
    },
    y: { label: null, domain: data.map(({ label }) => label) },
    color: { domain: Object.keys(COLORS), range: Object.values(COLORS) },
    marks: [
      Plot.barX(data, {
        x1: 1,
        x2: 'better',
        y: 'label',
        fill: 'verdict',
        fillOpacity: 0.85,
        insetTop: 3,
        insetBottom: 3,
      }),
      Plot.tickX(
        data.filter(({ goal }) => goal !== undefined),
        { x: 'goal', y: 'label', stroke: '#0f172a', strokeWidth: 2.5 },
      ),
      Plot.text(data, {
        x: (each) => Math.max(each.better, each.goal ?? 0, 1),
        y: 'label',
        text: (each) => text(each.better),
        textAnchor: 'start',
        dx: 6,
      }),
      Plot.ruleX([1], { stroke: '#1e293b' }),
      ...Object.entries(COLORS).map(([verdict, fill], i) =>
        Plot.text([`■ ${verdict}`], { frameAnchor: 'top-right', dx: 60 - 130 * i, dy: -26, fill, fontWeight: 600 }),
      ),
      Plot.text([`Qbp, ${date}: ${machine}`], { frameAnchor: 'top-left', dx: -426, dy: -26, fontWeight: 600 }),
    ],
  })
  chart.setAttribute('xmlns', 'http://www.w3.org/2000/svg')
  writeFileSync(file, `${chart.outerHTML}\n`)
}
