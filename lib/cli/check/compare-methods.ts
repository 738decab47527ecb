// The methods of a service, before and after.

import type { Method, Service } from '../generate/reflection.ts'
import type { Rename } from './compare-fields.ts'
import type { Report } from './finding.ts'

export function compareMethods(old: Service, current: Service, renamed: Rename, report: Report): void {
  for (const method of old.methodsArray) {
    const heir = current.methods[method.name]
    if (heir === undefined) {
      report('break', method.name, 'is gone: an old peer may still call it')
      continue
    }
    const [was, is] = [shapeOf(method, renamed), shapeOf(heir)]
    if (was.request !== is.request) report('break', method.name, `took ${was.request} and takes ${is.request}`)
    if (was.response !== is.response)
      report('break', method.name, `answered ${was.response} and answers ${is.response}`)
  }
}

function shapeOf(method: Method, renamed: Rename = (name) => name): { request: string; response: string } {
  method.resolve()
  const { resolvedRequestType, resolvedResponseType, requestStream, responseStream } = method
  const name = (type: { fullName: string } | null) => renamed(type?.fullName.slice(1) ?? '')
  return {
    request: `${requestStream ? 'a stream of ' : ''}${name(resolvedRequestType)}`,
    response: `${responseStream ? 'a stream of ' : ''}${name(resolvedResponseType)}`,
  }
}
