// A server's stats() for Prometheus (prom-client, at /metrics) and for OpenTelemetry.
//
//   npm run example -- metrics
//
// It ends by itself: three clients make some traffic, then it scrapes itself once and prints what it got. Both kinds are
// read when somebody asks; the server does nothing more for it than it counts anyway.

import { once } from 'node:events'
import { createServer as createHttpServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Attributes, Meter } from '@opentelemetry/api'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { Counter, Gauge, Registry } from 'prom-client'
import { connect, createServer, Protocol, type QbpServer } from '../lib/index.ts'
import { calls } from '../schemas/calls.ts'

const protocol = Protocol.from(calls)

// ---- the numbers, in the one shape that both want: a total for each set of labels

interface Metric {
  name: string
  help: string
  kind: 'counter' | 'gauge'
  unit: string
  labels: string[]
  read(): [labels: Record<string, string>, value: number][]
}

function metricsOf(server: QbpServer<typeof protocol>): Metric[] {
  const each = (read: (traffic: { messages: number; bytes: number }) => number): Metric['read'] => {
    return () => {
      const { byName } = server.stats()
      return (['in', 'out'] as const).flatMap((direction) =>
        Object.entries(byName[direction]).map(([message, traffic]): [Record<string, string>, number] => [
          { direction, message },
          read(traffic),
        ]),
      )
    }
  }
  const labelled = (label: string, read: () => Record<string, number>): Metric['read'] => {
    return () => Object.entries(read()).map(([key, value]) => [{ [label]: key }, value])
  }
  return [
    {
      name: 'qbp_messages',
      help: 'Messages that went over connections',
      kind: 'counter',
      unit: '{message}',
      labels: ['direction', 'message'],
      read: each(({ messages }) => messages),
    },
    {
      name: 'qbp_bytes',
      help: 'Bytes of their frames',
      kind: 'counter',
      unit: 'By',
      labels: ['direction', 'message'],
      read: each(({ bytes }) => bytes),
    },
    {
      name: 'qbp_faults',
      help: 'Faults that ended a connection, and messages refused on write, by code',
      kind: 'counter',
      unit: '{fault}',
      labels: ['code'],
      read: labelled('code', () => server.stats().faults),
    },
    {
      name: 'qbp_skipped',
      help: 'Messages dropped because a policy says so',
      kind: 'counter',
      unit: '{message}',
      labels: ['reason'],
      read: labelled('reason', () => server.stats().skipped),
    },
    {
      name: 'qbp_connections_accepted',
      help: 'Connections accepted',
      kind: 'counter',
      unit: '{connection}',
      labels: [],
      read: () => [[{}, server.stats().accepted]],
    },
    {
      name: 'qbp_connections_open',
      help: 'Connections that are open',
      kind: 'gauge',
      unit: '{connection}',
      labels: [],
      read: () => [[{}, server.stats().connections]],
    },
    {
      name: 'qbp_queued_bytes',
      help: 'Bytes written that the operating system has not taken yet',
      kind: 'gauge',
      unit: 'By',
      labels: [],
      read: () => [[{}, server.stats().queuedBytes]],
    },
  ]
}

// ---- Prometheus

function registryOf(metrics: Metric[]): Registry {
  const registry = new Registry()
  for (const { name, help, kind, labels, read } of metrics) {
    if (kind === 'gauge') {
      new Gauge({
        name,
        help,
        labelNames: labels,
        registers: [registry],
        collect() {
          for (const [set, value] of read()) this.set(set, value)
        },
      })
      continue
    }
    new Counter({
      name: `${name}_total`,
      help,
      labelNames: labels,
      registers: [registry],
      collect() {
        this.reset() // The totals are the server's own.
        for (const [set, value] of read()) this.inc(set, value)
      },
    })
  }
  return registry
}

async function serveMetrics(registry: Registry): Promise<Server> {
  const http = createHttpServer(async (request, response) => {
    if (request.url !== '/metrics') {
      response.writeHead(404).end()
      return
    }
    response.setHeader('content-type', registry.contentType).end(await registry.metrics())
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  return http
}

// ---- OpenTelemetry

function observe(meter: Meter, metrics: Metric[]): void {
  for (const { name, help, kind, unit, read } of metrics) {
    const dotted = name.replace('_', '.')
    const instrument =
      kind === 'gauge'
        ? meter.createObservableGauge(dotted, { description: help, unit })
        : meter.createObservableCounter(dotted, { description: help, unit })
    instrument.addCallback((result) => {
      for (const [set, value] of read()) result.observe(value, set as Attributes)
    })
  }
}

// ---- some traffic, and one look at it

async function main(): Promise<void> {
  const server = createServer(protocol, async (reader, writer) => {
    for await (const message of reader) {
      if (message.$name !== 'Divide') throw new RangeError(`${message.$name} is not served`)
      const { id, dividend, divisor } = message
      await writer.writeMessage({ $name: 'Quotient', id, value: dividend / divisor })
    }
  })
  server.on('clientError', () => {}) // It is counted.
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  const metrics = metricsOf(server)
  const http = await serveMetrics(registryOf(metrics))
  // For a collector: @opentelemetry/exporter-metrics-otlp-http in the place of this exporter, and no interval of your own.
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const exporting = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 60_000 })
  const provider = new MeterProvider({ readers: [exporting] })
  observe(provider.getMeter('qbp-stream'), metrics)

  const { port } = server.address() as AddressInfo
  const clients = await Promise.all([1, 2, 3].map(() => connect(protocol, { port, host: '127.0.0.1' })))
  for (const { reader, writer } of clients) {
    for (let id = 1; id <= 5; id++) writer.write({ $name: 'Divide', id, dividend: id, divisor: 3 })
    for (let left = 5; left > 0; left--) await reader.readMessage()
  }
  const [first, second] = clients
  await first?.writer.writeMessage({ $name: 'Wait', id: 6, ms: 10 }) // Which this server takes for a fault.
  await first?.closed
  await second?.close()

  const { port: httpPort } = http.address() as AddressInfo
  const response = await fetch(`http://127.0.0.1:${httpPort}/metrics`, { headers: { connection: 'close' } })
  const scraped = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  console.log(
    `GET /metrics (${response.headers.get('content-type')}):\n${scraped.map((line) => `  ${line}`).join('\n')}`,
  )

  await exporting.forceFlush()
  const exported = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics))
  const points = exported.flatMap(({ descriptor, dataPoints }) =>
    dataPoints.map(({ attributes, value }) => `${descriptor.name} ${JSON.stringify(attributes)} ${String(value)}`),
  )
  console.log(`OpenTelemetry:\n${points.map((line) => `  ${line}`).join('\n')}`)

  await provider.shutdown()
  http.close()
  await Promise.all(clients.map((client) => client.close()))
  await server.close()
  console.log(`${scraped.length} samples scraped, ${points.length} points exported. All closed.`)
}

void main()
