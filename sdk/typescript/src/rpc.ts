import { createConnection, type Socket } from 'node:net'
import type { JSONObject, JSONValue } from './types.js'

/** An answer that is an error. */
export class RPCError extends Error {
  readonly method: string
  readonly code: number

  constructor(method: string, code: number, message: string) {
    super(`${method}: ${message}`)
    this.name = 'RPCError'
    this.method = method
    this.code = code
  }
}

interface Waiting {
  method: string
  resolve(value: JSONValue): void
  reject(error: Error): void
}

/** The longest line, in characters: a tool's output may hold a whole file. */
const lineLimit = 32 << 20

/** JSON-RPC 2.0 on a unix socket, a message a line. Calls may overlap; each gets its own answer. */
export class Connection {
  private readonly socket: Socket
  private readonly waiting = new Map<number, Waiting>()
  private readonly decoder = new TextDecoder('utf-8')
  private nextID = 1
  private partial = ''
  private failure: Error | undefined
  /** Resolves with the reason when the connection is over. */
  readonly closed: Promise<Error>
  private end!: (reason: Error) => void

  constructor(path: string) {
    this.closed = new Promise((resolve) => { this.end = resolve })
    this.socket = createConnection({ path })
    this.socket.on('data', (bytes) => this.receive(this.decoder.decode(bytes, { stream: true })))
    this.socket.on('error', (error) => this.fail(new Error(`${path}: ${error.message}`)))
    this.socket.on('close', () => this.fail(new Error(`${path}: the harness closed the connection`)))
  }

  call(method: string, params: JSONObject = {}): Promise<JSONValue> {
    if (this.failure) return Promise.reject(this.failure)
    const id = this.nextID++
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { method, resolve, reject })
      this.socket.write(JSON.stringify({ jsonrpc: '2.0', id, method, params }) + '\n')
    })
  }

  close(): void {
    this.fail(new Error('the connection was closed here'))
    this.socket.end()
  }

  private receive(text: string): void {
    const lines = (this.partial + text).split('\n')
    this.partial = lines.pop() ?? ''
    if (this.partial.length > lineLimit) return this.abort(new Error('the harness sent a line that is too long'))
    for (const line of lines) this.answer(line)
  }

  private answer(line: string): void {
    let message: { id?: unknown; result?: JSONValue; error?: { code?: unknown; message?: unknown } }
    try {
      message = JSON.parse(line)
    } catch {
      return this.abort(new Error('the harness sent a line that is no JSON'))
    }
    if (typeof message?.id !== 'number') return
    const waiting = this.waiting.get(message.id)
    if (!waiting) return
    this.waiting.delete(message.id)
    if (message.error) {
      const code = typeof message.error.code === 'number' ? message.error.code : 0
      waiting.reject(new RPCError(waiting.method, code, String(message.error.message ?? 'failed')))
    } else {
      waiting.resolve(message.result ?? null)
    }
  }

  private abort(reason: Error): void {
    this.fail(reason)
    this.socket.destroy()
  }

  /** Only the first reason counts. */
  private fail(reason: Error): void {
    if (this.failure) return
    this.failure = reason
    for (const waiting of this.waiting.values()) waiting.reject(new Error(`${waiting.method}: ${reason.message}`))
    this.waiting.clear()
    this.end(reason)
  }
}
