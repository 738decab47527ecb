// The health service that load balancers and orchestrators ask, https://github.com/grpc/grpc/blob/master/doc/health-checking.md

import { QbpError } from '../base/errors.ts'
import { shown } from '../base/shown.ts'
import type { Schema } from '../protocol/description.ts'
import type { Service } from '../protocol/service.ts'
import { CallError } from './call-error.ts'
import { healthCodec } from './health-codec.ts'
import type { CallContext } from './served-method.ts'
import type { Handlers } from './typed.ts'

/** What is said of a service. */
export type ServingStatus = 'UNKNOWN' | 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN'

const STATUSES: Record<ServingStatus, number> = { UNKNOWN: 0, SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3 }

const schema: Schema = {
  package: 'grpc.health.v1',
  int64: 'bigint',
  packages: ['grpc.health.v1'],
  codec: healthCodec,
  enums: { 'grpc.health.v1.HealthCheckResponse.ServingStatus': { values: STATUSES } },
  messages: {
    'grpc.health.v1.HealthCheckRequest': { fields: [{ name: 'service', id: 1, kind: 'string' }] },
    'grpc.health.v1.HealthCheckResponse': {
      fields: [{ name: 'status', id: 1, kind: 'enum', type: 'grpc.health.v1.HealthCheckResponse.ServingStatus' }],
    },
  },
  services: {
    'grpc.health.v1.Health': {
      methods: {
        Check: { request: 'grpc.health.v1.HealthCheckRequest', response: 'grpc.health.v1.HealthCheckResponse' },
        Watch: {
          request: 'grpc.health.v1.HealthCheckRequest',
          response: 'grpc.health.v1.HealthCheckResponse',
          responseStream: true,
        },
      },
    },
  },
}

type Checking = { request: { read: { service: string }; write: { service?: string } }; response: Answer }
type Answer = { read: { status: number }; write: { status: ServingStatus } }

/** The methods of grpc.health.v1.Health. */
export type HealthMethods = {
  check: Checking & { requestStream: false; responseStream: false }
  watch: Checking & { requestStream: false; responseStream: true }
}

/**
 * What a server says of its health: `health.serve(connection)` in its handler. The empty name is the server as a whole, which is
 * SERVING from the beginning.
 */
export class Health {
  /** For a client: `connection.client(Health.service)`. */
  static readonly service: Service<HealthMethods> = { name: 'grpc.health.v1.Health', schema }
  readonly #statuses = new Map<string, ServingStatus>([['', 'SERVING']])
  /** Called when a status has changed. */
  readonly #watchers = new Set<() => void>()

  /** Sets the status of a service, or of all with the name ''. Those who watch it hear of it. @throws {QbpError} ERR_QBP_BAD_OPTION */
  set(service: string, status: ServingStatus): void {
    if (!Object.hasOwn(STATUSES, status))
      throw new QbpError(
        'ERR_QBP_BAD_OPTION',
        `The status of a service is ${shown(status)}; it may be ${Object.keys(STATUSES).join(', ')}.`,
      )
    this.#statuses.set(service, status)
    for (const watcher of [...this.#watchers]) watcher()
  }

  /** Serves it on a connection, and returns what its `serve` does. */
  serve(connection: {
    serve(service: Service<HealthMethods>, handlers: Handlers<Service<HealthMethods>>): Promise<void>
  }): Promise<void> {
    return connection.serve(Health.service, {
      check: ({ service }) => {
        const status = this.#statuses.get(service)
        if (status === undefined) throw new CallError('NOT_FOUND', `Nothing is known of the service ${service}`)
        return { status }
      },
      watch: ({ service }, context) => this.#watch(service, context),
    })
  }

  /** The status now, and each that follows. One that changes faster than it is read is given as it stands then. */
  async *#watch(service: string, { signal }: CallContext): AsyncGenerator<{ status: ServingStatus }> {
    let last: ServingStatus | undefined
    while (!signal.aborted) {
      const status = this.#statuses.get(service) ?? 'SERVICE_UNKNOWN'
      if (status !== last) yield { status }
      else await this.#change(signal)
      last = status
    }
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#watchers.delete(done)
        signal.removeEventListener('abort', done)
        resolve()
      }
      this.#watchers.add(done)
      signal.addEventListener('abort', done)
    })
  }
}
