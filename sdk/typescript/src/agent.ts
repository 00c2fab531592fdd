import { Connection } from './rpc.js'
import { Tools } from './tools.js'
import type { Completion, JSONObject, JSONValue, Message, Peer, Task } from './types.js'
import { readList, readTask } from './wire.js'

export interface AgentOptions {
  /** What the agent is; for its own use, the coordinator knows it from the token. */
  role?: string | undefined
  sessionId?: string | undefined
  /** Of the coordinator, which the harness talks to on the agent's behalf. */
  coordinatorUrl?: string | undefined
  /** The harness's socket; `OPENCLAW_AGENT_SOCKET` when absent. */
  socket?: string | undefined
}

/** The task was called off; there is nothing left to do on it. */
export class TaskCancelled extends Error {
  constructor(task: string) {
    super(`task ${task} was called off`)
    this.name = 'TaskCancelled'
  }
}

/** How long one wait for a task lasts, in milliseconds; it is repeated. */
const taskWaitMs = 60_000

/**
 * An agent: takes one task after the other from its harness and hands each to `onTask`.
 *
 * The harness keeps the token, commits and publishes the work, and runs the tools in the sandbox; an agent only decides.
 */
export class OpenClawAgent {
  readonly role: string | undefined
  readonly sessionId: string | undefined
  readonly coordinatorUrl: string | undefined
  readonly tools: Tools
  private readonly connection: Connection
  private handler: ((task: Task) => Promise<void> | void) | undefined
  private current: Task | undefined
  private isOver = true
  private isStopping = false
  private heartbeat: { unref(): void } | undefined

  constructor(options: AgentOptions = {}) {
    this.role = options.role ?? process.env['AGENT_ROLE']
    this.sessionId = options.sessionId ?? process.env['SESSION_ID']
    this.coordinatorUrl = options.coordinatorUrl ?? process.env['COORDINATOR_URL']
    const socket = options.socket ?? process.env['OPENCLAW_AGENT_SOCKET'] ?? '/run/openclaw/agent.sock'
    this.connection = new Connection(socket)
    this.tools = new Tools(this.connection, () => this.current?.id)
  }

  /** Says what to do with a task. It ends with `completeTask`; an exception fails it. */
  onTask(handler: (task: Task) => Promise<void> | void): void {
    this.handler = handler
  }

  /** Tells the coordinator how it goes, which also shows that the agent is not stuck. Throws when the task was called off. */
  async reportProgress(message: string): Promise<void> {
    const task = this.required('reportProgress')
    const answer = await this.connection.call('task.progress', { task: task.id, message })
    if ((answer as JSONObject | null)?.['cancelled'] === true) throw new TaskCancelled(task.id)
  }

  /** Hands the work over: it is committed, published and queued for merging. Throws when it cannot be, conflict markers for example. */
  async completeTask(completion: Completion): Promise<{ commit?: string }> {
    const task = this.required('completeTask')
    const answer = await this.connection.call('task.complete', {
      task: task.id, result: completion.result, summary: completion.summary, artifacts: completion.artifacts ?? [],
    })
    this.isOver = true
    const commit = (answer as JSONObject | null)?.['commit']
    return typeof commit === 'string' ? { commit } : {}
  }

  /** Gives the task up, with the reason. */
  async failTask(reason: string): Promise<void> {
    const task = this.required('failTask')
    await this.connection.call('task.fail', { task: task.id, reason })
    this.isOver = true
  }

  /** What others wrote to this agent since the last time. Words of peers carry no authority. */
  async messages(): Promise<Message[]> {
    return readList<Message>(await this.connection.call('messages.next', {}), 'messages')
  }

  async peers(): Promise<Peer[]> {
    return readList<Peer>(await this.connection.call('peers.list', {}), 'peers')
  }

  /** The session's shared notes. */
  readonly notes = {
    read: async (): Promise<string> => {
      const answer = await this.connection.call('notes.read', {})
      const notes = (answer as JSONObject | null)?.['notes']
      return typeof notes === 'string' ? notes : ''
    },
    append: async (text: string): Promise<void> => { await this.connection.call('notes.append', { text }) },
  }

  /** Files that agents hand to each other. */
  readonly artifacts = {
    put: async (name: string, content: string): Promise<string> => {
      const answer = await this.connection.call('artifact.put', { name, content })
      return String((answer as JSONObject | null)?.['path'] ?? '')
    },
    /** A file that the tools see, of up to 1 GiB; its path for peers and its digest come back. */
    putFile: async (name: string, path: string): Promise<{ path: string, sha256: string }> => {
      const answer = (await this.connection.call('artifact.put', { name, path })) as JSONObject | null
      return { path: String(answer?.['path'] ?? ''), sha256: String(answer?.['sha256'] ?? '') }
    },
    /** Fetches a peer's file and gives its path. */
    getFile: async (name: string, agent: string): Promise<string> => {
      const answer = await this.connection.call('artifact.get', { name, agent })
      return String((answer as JSONObject | null)?.['path'] ?? '')
    },
    get: async (name: string, agent?: string): Promise<string> => {
      const params: JSONObject = { name }
      if (agent !== undefined) params['agent'] = agent
      return String(((await this.connection.call('artifact.get', params)) as JSONObject | null)?.['content'] ?? '')
    },
  }

  /** Any other method of the agent's socket. */
  call(method: string, params: JSONObject = {}): Promise<JSONValue> {
    return this.connection.call(method, params)
  }

  /**
   * Shows regularly that the agent is alive: one that is silent for minutes is ended, and its task given to another.
   * Tool calls and progress reports show it, too; this is for an agent that thinks long between them.
   */
  startHeartbeat(options: { intervalMs?: number } = {}): void {
    if (this.heartbeat) clearInterval(this.heartbeat)
    const beat = () => { this.connection.call('agent.heartbeat', {}).catch(() => { /* start() tells why the connection ended */ }) }
    beat()
    this.heartbeat = setInterval(beat, Math.max(1000, options.intervalMs ?? 60_000))
    this.heartbeat.unref()
  }

  /** Takes tasks until `stop` is called or the harness goes. */
  async start(): Promise<void> {
    if (!this.handler) throw new Error('start: say what to do with a task first, with onTask')
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => this.stop())
    try {
      while (!this.isStopping) {
        const answer = await this.connection.call('task.next', { wait_ms: taskWaitMs })
        const task = readTask((answer as JSONObject | null)?.['task'])
        if (task) await this.work(task, this.handler)
      }
    } catch (error) {
      if (!this.isStopping) throw error
    } finally {
      if (this.heartbeat) clearInterval(this.heartbeat)
    }
  }

  /** Ends the agent; what `start` returned resolves. */
  stop(): void {
    this.isStopping = true
    this.connection.close()
  }

  private required(method: string): Task {
    if (!this.current) throw new Error(`${method}: there is no task`)
    if (this.isOver) throw new Error(`${method}: task ${this.current.id} has ended`)
    return this.current
  }

  private async work(task: Task, handler: (task: Task) => Promise<void> | void): Promise<void> {
    this.current = task
    this.isOver = false
    try {
      await handler(task)
      if (!this.isOver) await this.failTask('the agent ended its work without completing the task')
    } catch (error) {
      if (this.isStopping) throw error
      if (error instanceof TaskCancelled || this.isOver) {
        console.error(String(error))
      } else {
        console.error(error)
        await this.failTask(error instanceof Error ? error.message : String(error))
      }
    } finally {
      this.current = undefined
      this.isOver = true
    }
  }
}
