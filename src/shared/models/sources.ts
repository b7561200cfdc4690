/** The public pages that the catalogue's facts rest on, by short id. Read in the second half of 2026. */
export const SOURCES = {
  E1: 'https://docs.evolink.ai/en/api-manual/video-series/wan2.6/wan2.6-reference-video',
  E2: 'https://docs.evolink.ai/en/api-manual/video-series/wan2.6/wan2.6-reference-video-flash',
  E3: 'https://docs.evolink.ai/en/api-manual/video-series/wan2.6/wan2.6-image-to-video-flash',
  E4: 'https://docs.evolink.ai/en/api-manual/video-series/wan2.6/wan2.6-image-to-video',
  E5: 'https://docs.evolink.ai/en/api-manual/video-series/wan2.6/wan2.6-text-to-video',
  E6i: 'https://evolink.ai/docs/en/api-manual/video-series/wan2.7/wan2.7-image-to-video',
  E6r: 'https://evolink.ai/docs/en/api-manual/video-series/wan2.7/wan2.7-reference-video',
  E10: 'https://docs.evolink.ai/en/api-manual/file-series/upload-base64',
  E15: 'https://github.com/EvoLinkAI/evolink-mcp',
  E16: 'https://github.com/deeplearning-goethe/evolink-cli',
  E19: 'https://github.com/EvoLinkAI/ai-short-drama',
  E23: 'https://ai.odkkk.com/apiv1/docs/llms.txt',
  V1: 'https://doc.vtrix.ai/docs/api/qwen/wan26-r2v',
  A1: 'https://www.alibabacloud.com/help/en/model-studio/wan-video-to-video-api-reference',
  A2: 'https://help.aliyun.com/zh/model-studio/image-to-video-api-reference',
  A8: 'https://help.aliyun.com/zh/model-studio/legacy-wan-reference-to-video-api-reference',
} as const

export type SourceId = keyof typeof SOURCES

/** The public address of the first source: what a problem points to. */
export function addressOf(sources: readonly SourceId[]): string | undefined {
  const first = sources[0]
  return first === undefined ? undefined : SOURCES[first]
}
