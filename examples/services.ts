// A service, called with authentication, logging and OpenTelemetry's spans: three interceptors of a few lines each; and the
// health service that load balancers ask, in one line.
//
//   npm run example -- services
//
// It ends by itself: two customers call, one without a token, and the spans of both ends are counted.

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { context, propagation, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { CallError, connect, createServer, Health, type Interceptor, Protocol } from '../lib/index.ts'
import { type Account, Accounts, bank } from '../schemas/bank.ts'

// ---- interceptors: a function around each call, the same on both ends

/** Turns away who has no token; `metadata` travels with the request. */
const authenticated: Interceptor = async ({ metadata }, next) => {
  if (metadata.authorization !== 'Bearer secret') throw new CallError('UNAUTHENTICATED', 'Who are you?')
  await next()
}

const logged: Interceptor = async ({ side, path }, next) => {
  try {
    await next()
    console.log(`  ${side} ${path}: OK`)
  } catch (error) {
    console.log(`  ${side} ${path}: ${(error as CallError).code ?? 'INTERNAL'}`)
    throw error
  }
}

/** Spans by OpenTelemetry's conventions for RPC; `traceparent` travels in the metadata, so that both ends are of one trace. */
const traced: Interceptor = async ({ side, service, method, metadata }, next) => {
  const isCaller = side === 'caller'
  const parent = isCaller ? context.active() : propagation.extract(context.active(), metadata)
  const attributes = { 'rpc.system': 'qbp', 'rpc.service': service, 'rpc.method': method }
  const kind = isCaller ? SpanKind.CLIENT : SpanKind.SERVER
  await tracer.startActiveSpan(`${service}/${method}`, { kind, attributes }, parent, async (span: Span) => {
    if (isCaller) propagation.inject(context.active(), metadata)
    try {
      await next()
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: String((error as CallError).code) })
      throw error
    } finally {
      span.end()
    }
  })
}

// ---- OpenTelemetry, as every program sets it up

const spans = new InMemorySpanExporter()
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }))
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
propagation.setGlobalPropagator(new W3CTraceContextPropagator())
const tracer = trace.getTracer('services')

// ---- the server

const protocol = Protocol.from(bank, { calls: true })
const health = new Health()
const accounts = new Map<string, Account>()

const server = createServer(protocol, (_reader, _writer, connection) => {
  void health.serve(connection)
  return connection.serve(
    Accounts,
    {
      open({ name }) {
        if (accounts.has(name)) throw new CallError('ALREADY_EXISTS', `${name} has an account.`)
        const account = { name, cents: 0 }
        accounts.set(name, account)
        return account
      },
      async *watch({ name }) {
        const account = accounts.get(name)
        if (account === undefined) throw new CallError('NOT_FOUND', `${name} has no account.`)
        for (; account.cents < 3; account.cents++) yield account
      },
    },
    { interceptors: [traced, logged, authenticated] },
  )
})

async function main(): Promise<void> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const connection = await connect(protocol, { port, host: '127.0.0.1' })
  const { status } = await connection.client(Health.service).check({})
  console.log(`The server's health is ${status}.`)

  const stranger = connection.client(Accounts, { interceptors: [traced] })
  const refusal = await stranger.open({ name: 'bob' }).catch((error: CallError) => error)
  console.log(`bob without a token: ${(refusal as CallError).code}`)

  const metadata = { authorization: 'Bearer secret' }
  const client = connection.client(Accounts, { metadata, interceptors: [traced] })
  const account = await client.open({ name: 'ann' })
  for await (const { cents } of client.watch(account)) console.log(`ann has ${cents} cents.`)

  await connection.close()
  await server.close()
  const finished = spans.getFinishedSpans()
  const traces = new Set(finished.map((span) => span.spanContext().traceId))
  console.log(`${finished.length} spans of ${traces.size} calls. All closed.`)
}

void main()
