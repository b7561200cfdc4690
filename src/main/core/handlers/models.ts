import type { ModelView } from '../../../shared/contract.ts'
import { MODELS } from '../../../shared/models/catalogue.ts'
import { addressOf } from '../../../shared/models/sources.ts'
import type { Model, Parameter } from '../../../shared/models/types.ts'
import { calls } from './context.ts'

function allowedBy(parameter: Parameter): string {
  if (parameter.values) return parameter.values.join(', ')
  if (parameter.type === 'boolean') return 'yes, no'
  if (parameter.minimum !== undefined && parameter.maximum !== undefined) {
    return `${parameter.minimum} to ${parameter.maximum}`
  }
  return parameter.maximumLength === undefined ? '' : `up to ${parameter.maximumLength} characters`
}

const toView = (model: Model): ModelView => ({
  id: model.id,
  family: model.family,
  kind: model.kind,
  lifecycle: model.lifecycle,
  successor: model.successor ?? null,
  isInFirstRelease: model.inFirstRelease,
  parameters: model.parameters.map((parameter) => ({
    name: parameter.field,
    type: parameter.type,
    isRequired: parameter.required,
    allowed: allowedBy(parameter),
    default: parameter.alwaysSent ?? parameter.default ?? null,
    help: parameter.help,
    source: addressOf(parameter.sources) ?? '',
  })),
})

export const models = { list: calls.models.list.handler(() => MODELS.map(toView)) }
