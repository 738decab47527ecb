import { methodKey } from '../../protocol/method.ts'
import { doc, indent, key, quote } from '../options/source.ts'
import type { Constant } from './enums.ts'
import type { Names } from './names.ts'
import type { Method, Service, Type } from './reflection.ts'
import type { ValueTypes } from './value-types.ts'

/** What a module says of a service: the constant for `connection.serve` and `connection.client`, and the types of both ends. */
export interface ServiceTexts {
  readonly constant: Constant
  readonly declarations: readonly string[]
}

/** The texts of services, in the order of the .proto. */
export function serviceTexts(services: readonly Service[], names: Names, values: ValueTypes): ServiceTexts[] {
  return services.map((service) => {
    const { name, client, handlers } = names.service(service)
    const [clientOf, handlersOf] = [names.imported('Client'), names.imported('Handlers')]
    return {
      constant: {
        comment: doc(service.comment, service.getOption('deprecated')),
        name,
        value: `{ name: ${quote(service.fullName.slice(1))}, schema: ${names.schema} }`,
        type: `${names.imported('Service')}<{\n${indent(methods(service, names, values))}}>`,
      },
      declarations: [
        `/** Calls {@link ${name}}: \`connection.client(${name})\`. */\nexport type ${client} = ${clientOf}<typeof ${name}>\n`,
        `/** Serves {@link ${name}}. A method that is left out is UNIMPLEMENTED. */\nexport type ${handlers} = ${handlersOf}<typeof ${name}>\n`,
      ],
    }
  })
}

/** The methods by their keys: the types that they take and give, and which of them are streams. */
function methods(service: Service, names: Names, values: ValueTypes): string {
  const keys = new Set<string>()
  const texts = service.methodsArray.map((method) => {
    const name = methodKey(method.name, keys)
    keys.add(name)
    const { requestStream, responseStream, resolvedRequestType, resolvedResponseType } = method.resolve() as Method
    const kinds = `requestStream: ${requestStream === true}; responseStream: ${responseStream === true}`
    const ends = `request: ${message(resolvedRequestType, names, values)}; response: ${message(resolvedResponseType, names, values)}`
    return `${doc(method.comment, method.getOption('deprecated'))}${key(name)}: { ${kinds}; ${ends} }\n`
  })
  return texts.join('')
}

function message(type: Type | null, names: Names, values: ValueTypes): string {
  const [read, write] = (['name', 'init'] as const).map((side) => values.message(type as Type, side, names.module))
  return `{ read: ${read}; write: ${write} }`
}
