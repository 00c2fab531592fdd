// A harness of the tests' own: JSON-RPC lines on a unix socket, answers by method.
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export async function startHarness(answers) {
  const directory = mkdtempSync(join(tmpdir(), 'agent-sdk-'))
  const path = join(directory, 'agent.sock')
  const calls = []
  const sockets = new Set()
  const server = createServer((socket) => {
    sockets.add(socket)
    let partial = ''
    let writing = Promise.resolve()
    socket.setEncoding('utf8')
    socket.on('error', () => {})
    socket.on('data', (text) => {
      const lines = (partial + text).split('\n')
      partial = lines.pop()
      for (const line of lines) answer(JSON.parse(line))
    })
    async function answer({ id, method, params }) {
      calls.push({ method, params })
      let message
      try {
        const result = await answers[method]?.(params, socket)
        if (result === undefined) throw new Error(`there is no method ${method}`)
        message = { jsonrpc: '2.0', id, result }
      } catch (error) {
        message = { jsonrpc: '2.0', id, error: { code: -32000, message: error.message } }
      }
      // In two pieces, as a socket may deliver it; one answer after the other.
      const bytes = Buffer.from(JSON.stringify(message) + '\n')
      const half = Math.floor(bytes.length / 2)
      writing = writing.then(() => {
        socket.write(bytes.subarray(0, half))
        return new Promise((resolve) => setImmediate(() => { socket.write(bytes.subarray(half)); resolve() }))
      })
    }
  })
  await new Promise((resolve) => server.listen(path, resolve))
  return {
    path, calls,
    asked: (method) => calls.filter((call) => call.method === method).map((call) => call.params),
    stop: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** Hands out these tasks, then waits for ever. */
export function tasks(...list) {
  return () => (list.length > 0 ? { task: list.shift() } : new Promise(() => {}))
}

export const implement = {
  id: 't1', kind: 'implement', title: 'Fix auth', description: 'Validate tokens.', write_set: ['src/auth.ts'],
  acceptance: ['expired tokens are refused'], attempt: 1, test_command: 'npm test', workdir: '/workspace/agents/coder-1',
  context: { task: 'Fix the auth bug', conflict: { files: ['src/b.ts'], hunks: '<<<<<<<' } },
}
