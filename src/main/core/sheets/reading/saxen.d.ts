/** What of saxen is used here: it comes without types. https://github.com/nikku/saxen */
declare module 'saxen' {
  export class Parser {
    on(event: 'error', listener: (error: Error) => void): this
    on(event: 'attention' | 'text' | 'cdata', listener: (text: string) => void): this
    on(event: 'openTag', listener: (name: string, getAttributes: () => Record<string, string>) => void): this
    on(event: 'closeTag', listener: (name: string) => void): this
    write(xml: string): this
    end(): void
  }
}
