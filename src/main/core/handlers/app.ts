import { calls } from './context.ts'

export const app = {
  hello: calls.app.hello.handler(({ context }) => ({
    version: context.engine.appVersion,
    mediaBase: context.mediaBase,
    gestures: context.gestures,
    dataFolder: context.home,
  })),
  watch: calls.app.watch.handler(({ context, signal }) => context.changes.watch(signal)),
}
