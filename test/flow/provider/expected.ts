import { NOW } from './bench.ts'

/**
 * What the adapters must make of every fixture case: the value, or the error with its fields. Written by
 * hand from the documents; the class of each case is in the fixture itself.
 */
export interface Expected {
  value?: unknown
  error?: 'Refused' | 'Busy' | 'Unreachable' | 'Unconfirmed'
  fields?: Record<string, unknown>
}

const TASK = 'task-unified-1757169743-7cvnl5zw'
const LINK = 'https://media.evolink.ai/v/7cvnl5zw.mp4'
const VTRIX_TASK = 'd758n65e878c73cmdg20'
const VTRIX_LINK = 'https://cdn.vtrix.ai/outputs/x/output.mp4'

const accepted = (
  remoteId: string,
  reservedMicros: number,
  estimatedMs: number,
  isReplayed = false,
): Expected => ({
  value: { remoteId, isReplayed, reservedMicros, estimatedMs },
})
const vtrixAccepted = (vtrixForm: 'plain' | 'wrapped'): Expected => ({
  value: { remoteId: VTRIX_TASK, isReplayed: false, reservedMicros: null, estimatedMs: null, vtrixForm },
})
const refused = (kind: string, scope: 'job' | 'account', more: Record<string, unknown> = {}): Expected => ({
  error: 'Refused',
  fields: { kind, scope, until: null, ...more },
})
const busy = (retryAfterMs: number, isRateLimit: boolean): Expected => ({
  error: 'Busy',
  fields: { retryAfterMs, isRateLimit },
})
const doubt = (retryAfterMs: number | null = null, mayRepeat = true): Expected => ({
  error: 'Unconfirmed',
  fields: { retryAfterMs, mayRepeat, problem: { code: 'outcome-unknown' } },
})
const again: Expected = { error: 'Unreachable', fields: { isOffline: false } }
const running = (progress: number | null, estimatedMs: number | null = null): Expected => ({
  value: { state: 'running', progress, estimatedMs },
})
const succeeded = (urls: string[], chargedMicros: number | null = null): Expected => ({
  value: { state: 'succeeded', urls, chargedMicros },
})
const failed = (
  code: string,
  message: string,
  isTransient: boolean,
  more: Record<string, unknown> = {},
): Expected => ({
  value: { state: 'failed', code, message, isTransient, chargedMicros: null, isRefunded: null, ...more },
})
const code = (providerCode: string) => ({ problem: { place: { providerCode } } })

const UPLOADED_AT = Date.UTC(2026, 9, 8, 16)
const uploaded = (url: string, fileId: string): Expected => ({
  // Three days by the service's own times, counted on this computer's clock.
  value: { url: `https://files.evolink.ai/${url}`, expiresAt: NOW + 3 * 86_400_000, fileId },
})

export const EXPECTED: Record<string, Record<string, Expected>> = {
  'evolink-create.json': {
    'create-reference-video': accepted(TASK, 40_800_000, 120_000),
    'create-reference-video-flash': accepted('task-unified-1757169744-flash001', 33_200_000, 120_000),
    'create-image-to-video-flash': accepted('task-unified-1757169745-i2vf0001', 61_500_000, 120_000),
    'create-minimal': accepted(TASK, 5_000_000, 120_000),
    'create-newer-shape': accepted(TASK, 40_800_000, 150_000),
    'create-replayed': accepted(TASK, 40_800_000, 120_000, true),
    'create-no-id': doubt(),
    'create-mirror': accepted(TASK, 40_800_000, 120_000),
  },
  'evolink-create-errors.json': {
    e400: refused('invalid_request', 'job', {
      problem: { code: 'request-refused', place: { column: 'model' } },
    }),
    'e400-duration': refused('invalid_request', 'job', { problem: { place: { column: 'duration' } } }),
    'e400-media': refused('invalid_request', 'job', code('invalid_media_url')),
    'e400-content': refused('content', 'job', { problem: { code: 'content-refused' } }),
    e401: refused('auth', 'account', { problem: { code: 'key-refused' } }),
    e402: refused('balance', 'account', { problem: { code: 'balance-low' } }),
    'e402-key-limit': refused('key_limit', 'account', { problem: { code: 'key-limit' } }),
    'e402-key-daily': refused('key_limit', 'account', { until: Date.UTC(2026, 9, 10) }),
    e403: refused('forbidden', 'job', { problem: { code: 'not-permitted' } }),
    'e403-key-model': refused('forbidden', 'job', code('key_model_not_allowed')),
    e404: refused('not_found', 'job', { problem: { code: 'model-retired' } }),
    'e409-idempotency': doubt(null, false),
    'e409-unknown': doubt(60_000),
    e413: refused('too_large', 'job', { sentBytes: 217 }),
    e429: busy(60_000, true),
    'e429-header': busy(12_000, true),
    e500: doubt(),
    e502: doubt(),
    e503: doubt(30_000),
    'e503-model': busy(60_000, false),
    'e502-html': doubt(),
    'network-timeout': doubt(),
  },
  'evolink-task.json': {
    pending: running(0, 120_000),
    processing: running(0.65),
    completed: succeeded([LINK]),
    'completed-usage': succeeded([LINK], 38_400_000),
    'completed-result-data': succeeded([LINK]),
    'completed-no-link': succeeded([]),
    cancelled: failed('request_cancelled', 'The task was cancelled', false),
    'unknown-status': running(0),
  },
  'evolink-task-failed.json': {
    'failed-content-policy-violation': failed(
      'content_policy_violation',
      'Content review blocked the request',
      false,
    ),
    'failed-invalid-parameters': failed('invalid_parameters', 'A parameter is outside its range', false),
    'failed-image-processing-error': failed(
      'image_processing_error',
      'The picture could not be processed',
      false,
    ),
    'failed-image-dimension-mismatch': failed(
      'image_dimension_mismatch',
      'The picture size does not fit the request',
      false,
    ),
    'failed-request-cancelled': failed('request_cancelled', 'The task was cancelled', false),
    'failed-generation-failed-no-content': failed(
      'generation_failed_no_content',
      'The model returned nothing',
      false,
    ),
    'failed-service-error': failed('service_error', 'Internal fault', true),
    'failed-generation-timeout': failed('generation_timeout', 'The job took too long', true),
    'failed-resource-exhausted': failed('resource_exhausted', 'No capacity upstream', true),
    'failed-quota-exceeded': failed('quota_exceeded', 'Rate or quota exceeded', true),
    'failed-service-unavailable': failed('service_unavailable', 'Service not available', true),
    'failed-resource-not-found': failed('resource_not_found', 'Task or input not found or expired', false),
    'failed-unknown-error': failed('unknown_error', 'Unclassified fault', false),
    'failed-upstream-error': failed('upstream_error', 'Fault at the model vendor', true),
    'failed-rate-limited': failed('rate_limited', 'Rate limit at task level', true),
    'failed-model-unavailable': failed('model_unavailable', 'Model offline', false),
    'failed-video-probe-failed': failed(
      'video_probe_failed',
      'The length of the input video could not be read',
      false,
    ),
    'failed-channel-no-balance': failed(
      'channel_no_balance',
      'Upstream account of the reseller has a problem',
      true,
    ),
    'failed-no-error': failed('unknown_error', '', false),
    'failed-billing': failed('service_error', 'Internal fault', true, { chargedMicros: 0, isRefunded: true }),
  },
  'evolink-task-errors.json': {
    'bad-id': refused('invalid_request', 'job', code('invalid_task_id')),
    unauthorized: refused('auth', 'account'),
    'not-found': { value: { state: 'forgotten' } },
    'rate-limited': busy(5_000, true),
    'server-fault': again,
    unavailable: again,
  },
  'evolink-tasks-bulk.json': {
    batch: {
      value: [
        [TASK, { state: 'running', progress: 0.4, estimatedMs: null }],
        [
          'task-unified-1757169744-flash001',
          { state: 'succeeded', urls: ['https://media.evolink.ai/v/flash001.mp4'], chargedMicros: null },
        ],
      ],
    },
    list: {
      value: [
        { remoteId: TASK, model: 'wan2.6-reference-video', createdAt: 1_757_169_743_000, state: 'completed' },
        {
          remoteId: 'task-unified-1757169744-flash001',
          model: 'wan2.6-reference-video',
          createdAt: 1_757_169_744_000,
          state: 'pending',
        },
      ],
    },
    'list-unsupported': refused('feature_missing', 'job'),
  },
  'evolink-credits.json': {
    ok: { value: { currency: 'credits', remainingMicros: 812_500_000, usedMicros: 135_900_000 } },
    'unlimited-key': { value: { currency: 'credits', remainingMicros: 50_000_000, usedMicros: 10_000_000 } },
    'not-success': again,
    unauthorized: refused('auth', 'account'),
    'bad-request': refused('invalid_request', 'job'),
  },
  'evolink-callback.json': {
    'cb-completed': succeeded([LINK]),
    'cb-failed': failed('service_error', 'Internal fault', true),
    'cb-cancelled': failed('request_cancelled', '', false),
    'cb-retry': succeeded([LINK]),
  },
  'evolink-files.json': {
    'upload-base64-image': uploaded('wan-inputs/cat.png', 'file_abc123'),
    'upload-stream-image': uploaded('wan-inputs/cat.jpg', 'file_abc123'),
    'upload-stream-mp4': uploaded('wan-inputs/ref1.mp4', 'file_vid001'),
    'upload-stream-mov': uploaded('wan-inputs/ref2.mov', 'file_vid002'),
    'upload-stream-mp3': uploaded('wan-inputs/song.mp3', 'file_aud001'),
    'upload-url': uploaded('downloads/cat.jpg', 'file_abc123'),
    quota: { value: { usedFiles: 35, maxFiles: 2000, remainingFiles: 1965 } },
    list: { value: [{ fileId: 'file_abc123', name: 'cat.png', sizeBytes: 2048, uploadedAt: UPLOADED_AT }] },
    delete: { value: undefined },
  },
  'evolink-files-errors.json': {
    f400: refused('invalid_request', 'job'),
    f401: refused('auth', 'account'),
    f403: refused('forbidden', 'job'),
    // Deleting what is gone already has reached its aim.
    f404: { value: undefined },
    f40001: refused('upload_too_large', 'job'),
    f40002: refused('upload_type_refused', 'job'),
    'f40002-http200': refused('upload_type_refused', 'job'),
    f40003: refused('upload_quota', 'job'),
    f40004: refused('upload_source_unreachable', 'job'),
    f500: again,
    f50001: busy(60_000, false),
    f415: refused('upload_type_refused', 'job'),
  },
  'vtrix-create.json': {
    'create-mixed': vtrixAccepted('plain'),
    'create-wrapped-after-refusal': vtrixAccepted('wrapped'),
    'create-data-uri': vtrixAccepted('plain'),
    'create-multi-shot': vtrixAccepted('plain'),
    'create-plain-refused': refused('invalid_request', 'job', { said: 'input must be an array' }),
    'create-no-id': refused('invalid_request', 'job', { said: 'upstream refused the request' }),
    'create-no-id-object': refused('invalid_request', 'job', code('123')),
  },
  'vtrix-create-errors.json': {
    v401: refused('auth', 'account'),
    v402: refused('balance', 'account', code('40201')),
    v403: refused('balance_or_forbidden', 'account'),
    v404: refused('not_found', 'job', { said: 'model not found' }),
    v429: busy(30_000, true),
    v500: doubt(),
    'v400-code': refused('invalid_request', 'job', code('001028001')),
    'v-timeout': doubt(),
  },
  'vtrix-task.json': {
    'in-progress': running(0.35),
    pending: running(null),
    processing: running(null),
    completed: succeeded([VTRIX_LINK], 500_000),
    'completed-client-shape': succeeded([VTRIX_LINK], 500_000),
    'completed-cli-doc': succeeded([VTRIX_LINK]),
    'completed-with-error': failed('InvalidParameter', 'refused by the model vendor', false),
    'completed-empty': succeeded([]),
    'not-found': { value: { state: 'forgotten' } },
    unauthorized: refused('auth', 'account'),
    'rate-limited': busy(30_000, true),
    'server-fault': again,
  },
  'vtrix-task-failed.json': {
    'failed-001028001': failed('001028001', 'reference list must hold 1 to 5 items', false),
    'failed-001028002': failed('001028002', 'more than 5 pictures', false),
    'failed-001028003': failed('001028003', 'more than 3 videos', false),
    'failed-001028004': failed('001028004', 'a reference address has a wrong form', false),
    'failed-001028095': failed('001028095', 'internal fault while generating', true),
    'failed-001028096': failed('001028096', 'result could not be read', true),
    'failed-001028097': failed('001028097', 'upstream answered with an HTTP error', true),
    'failed-001028098': failed('001028098', 'state could not be checked', true),
    'failed-001028099': failed('001028099', 'task could not be created', true),
    'failed-text': failed('unknown', 'content blocked', false),
    'failed-number-code': failed('123', 'content blocked', false),
    'failed-no-error': failed('unknown', '', false),
  },
  'vtrix-models.json': {
    'spec-ok': {
      value: {
        id: 'wan26_r2v',
        name: 'Wan 2.6 R2V',
        type: 'video',
        parameters: [
          { path: 'input', type: 'object', isRequired: true, max: null },
          { path: 'input.prompt', type: 'string', isRequired: true, max: 1500 },
          { path: 'input.reference_urls', type: 'array', isRequired: true, max: 5 },
        ],
      },
    },
    'spec-missing': { value: null },
    'list-ok': { value: [{ id: 'wan26_r2v', name: 'Wan 2.6 R2V', type: 'video' }] },
  },
}
