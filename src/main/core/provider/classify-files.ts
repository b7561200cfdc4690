import { type AnswerClass, classifyRead, type Manners, type Reaction, type Verdict } from './classify.ts'
import type { Answer } from './http-answer.ts'
import type { RefusalKind, RefusalScope } from './provider.ts'
import { asFields } from './reading.ts'
import { readTold } from './told.ts'

/**
 * Judges an answer of EvoLink's file service. Which HTTP status comes with a 4xxxx code is not
 * documented, so the code inside is read first, in a 200 as well.
 * Sources: https://docs.evolink.ai/en/api-manual/file-series/upload-stream,
 * https://github.com/EvoLinkAI/evolink-media-mcp
 */
export function classifyFiles(answer: Answer, manners: Manners): Verdict {
  const told = readTold(answer, manners.secrets)
  const say = (name: AnswerClass, reaction: Reaction): Verdict => ({
    class: name,
    reaction,
    told,
    status: answer.status,
  })
  const refuse = (kind: RefusalKind, scope: RefusalScope = 'job'): Verdict =>
    say(kind as AnswerClass, { do: 'refuse', kind, scope, until: null })

  const body = asFields(answer.json)
  const isSuccess = answer.status >= 200 && answer.status < 300 && body !== null && body.success !== false
  if (isSuccess) return say('ok', { do: 'go-on' })

  switch (told.code) {
    case '40001':
      return refuse('upload_too_large')
    case '40002':
      return refuse('upload_type_refused')
    case '40003':
      return refuse('upload_quota')
    case '40004':
      return refuse('upload_source_unreachable')
    case '50001':
      return say('server_transient', { do: 'wait', retryAfterMs: 60_000, isRateLimit: false })
    default:
      return byStatus(answer, manners, refuse)
  }
}

function byStatus(
  answer: Answer,
  manners: Manners,
  refuse: (kind: RefusalKind, scope?: RefusalScope) => Verdict,
): Verdict {
  const inner = Number(asFields(answer.json)?.code)
  // A refusal inside an HTTP 200 carries its real status as `code`.
  const isInner = answer.status >= 200 && answer.status < 300 && inner >= 400 && inner < 600
  const status = isInner ? inner : answer.status
  const told = readTold(answer, manners.secrets)
  if (status === 413) return refuse('upload_too_large')
  if (status === 415) return refuse('upload_type_refused')
  if (status === 400 && /\b(type|format|mime|extension)\b/i.test(told.message))
    return refuse('upload_type_refused')
  return classifyRead({ ...answer, status }, manners)
}
