/**
 * The runtime of an OpenClaw agent that is written in TypeScript or JavaScript.
 *
 * ```ts
 * const agent = new OpenClawAgent({ role: process.env.AGENT_ROLE })
 * agent.onTask(async (task) => { …; await agent.completeTask({ result: 'success', summary: '…' }) })
 * agent.startHeartbeat({ intervalMs: 60_000 })
 * agent.start()
 * ```
 */
export { OpenClawAgent, TaskCancelled, type AgentOptions } from './agent.js'
export { RPCError } from './rpc.js'
export { ToolError, Tools } from './tools.js'
export type {
  Completion, JSONObject, JSONValue, Message, Peer, Task, TaskContext, TaskType, ToolResult,
} from './types.js'
