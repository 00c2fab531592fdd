import type { Connection } from './rpc.js'
import type { JSONObject, ToolResult } from './types.js'
import { readToolResult } from './wire.js'

/** A tool said no. Commands that fail do not throw; these do: an edit that does not fit, a tool that the role has not. */
export class ToolError extends Error {
  readonly tool: string

  constructor(tool: string, message: string) {
    super(`${tool}: ${message}`)
    this.name = 'ToolError'
    this.tool = tool
  }
}

/** The tools of the agent's role. All of them run in the sandbox; a tool that the role has not is refused there. */
export class Tools {
  private nextCall = 1

  constructor(private readonly connection: Connection, private readonly currentTask: () => string | undefined) {}

  /** Calls a tool by its name, with its input as models give it. */
  async call(name: string, input: JSONObject = {}): Promise<ToolResult> {
    const params: JSONObject = { name, input, call_id: `sdk-${this.nextCall++}` }
    const task = this.currentTask()
    if (task !== undefined) params['task'] = task
    return readToolResult(await this.connection.call('tools.call', params))
  }

  /** Names, descriptions and input schemas, as `tools.list` has them. */
  async list(): Promise<JSONObject[]> {
    const answer = await this.connection.call('tools.list', {})
    const tools = (answer as JSONObject | null)?.['tools']
    return (Array.isArray(tools) ? tools : []) as JSONObject[]
  }

  /** Runs a shell command in the agent's working directory. Directory and variables stay from one call to the next. */
  shell(command: string, options: { timeoutMs?: number } = {}): Promise<ToolResult> {
    const input: JSONObject = { command }
    if (options.timeoutMs !== undefined) input['timeout'] = options.timeoutMs
    return this.call('bash', input)
  }

  /** Writes a whole file; with `{ old, new }` replaces a text that occurs exactly once in it. */
  async editFile(path: string, content: string | { old: string; new: string; all?: boolean }): Promise<void> {
    if (typeof content === 'string') {
      await this.must('write', { file_path: path, content })
    } else {
      await this.must('edit', {
        file_path: path, old_string: content.old, new_string: content.new, replace_all: content.all === true,
      })
    }
  }

  /** A file, its lines numbered as models see them. */
  async readFile(path: string, options: { offset?: number; limit?: number } = {}): Promise<string> {
    return (await this.must('read', { file_path: path, ...options })).output
  }

  /** Runs git in the agent's clone. One text is cut into words; quotes keep words together. */
  async git(...words: string[]): Promise<string> {
    const args = words.length === 1 ? words[0] ?? '' : words
    const result = await this.call('git', { args })
    if (result.isError) throw new ToolError('git', result.output)
    return result.output
  }

  private async must(name: string, input: JSONObject): Promise<ToolResult> {
    const result = await this.call(name, input)
    if (result.isError) throw new ToolError(name, result.output)
    return result
  }
}
