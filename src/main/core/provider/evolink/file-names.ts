/** Ending by media type, for names that lack one: the service's first look is at the name. */
const ENDINGS: Record<string, string> = {
  'image/jpeg': 'jpg',
  'image/png': 'png',
  'image/gif': 'gif',
  'image/webp': 'webp',
  'video/mp4': 'mp4',
  'video/quicktime': 'mov',
  'audio/mpeg': 'mp3',
  'audio/wav': 'wav',
}

/**
 * A name that no other file of the account has: equal names overwrite each other at the service, so
 * the content's hash goes first. Only letters, digits, dot, dash and underscore.
 */
export function uniqueFileName(sha256: string, name: string, mediaType: string): string {
  const base = name.split(/[\\/]/).at(-1) ?? ''
  const safe = base
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[.-]+/, '')
  const ending = /\.[A-Za-z0-9]{1,5}$/.exec(safe)?.[0] ?? (ENDINGS[mediaType] ? `.${ENDINGS[mediaType]}` : '')
  const stem = safe.endsWith(ending) ? safe.slice(0, safe.length - ending.length) : safe
  return `${sha256.slice(0, 16)}-${stem.slice(0, 60) || 'file'}${ending}`
}
