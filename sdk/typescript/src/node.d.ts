// The few names of Node that this package uses. Debian has Node without its type declarations, and this package has
// no dependencies.
declare module 'node:net' {
  export interface Socket {
    on(event: 'connect' | 'close' | 'end', listener: () => void): this
    on(event: 'data', listener: (bytes: Uint8Array) => void): this
    on(event: 'error', listener: (error: Error) => void): this
    write(text: string): boolean
    end(): void
    destroy(): void
    unref(): this
  }
  export function createConnection(options: { path: string }): Socket
}
declare module 'node:module' {
  export function register(specifier: string, parentURL: string): void
}
declare const process: {
  env: Record<string, string | undefined>
  exitCode: number | undefined
  exit(code?: number): never
  on(event: 'SIGTERM' | 'SIGINT', listener: () => void): void
}
declare const console: { log(...values: unknown[]): void; error(...values: unknown[]): void }
declare function setTimeout(run: () => void, milliseconds: number): { unref(): void }
declare function setInterval(run: () => void, milliseconds: number): { unref(): void }
declare function clearInterval(timer: { unref(): void }): void
declare class TextDecoder {
  constructor(label?: string)
  decode(bytes?: Uint8Array, options?: { stream?: boolean }): string
}
interface ImportMeta { url: string }
declare class URL { constructor(path: string, base: string); readonly href: string }
