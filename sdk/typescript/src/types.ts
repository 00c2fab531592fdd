/** What a JSON document can be. */
export type JSONValue = null | boolean | number | string | JSONValue[] | { [name: string]: JSONValue | undefined }
export type JSONObject = { [name: string]: JSONValue | undefined }

/** Kinds of work. `rework` is a task that came back: a conflict, a red gate, or changes that a reviewer asked for. */
export type TaskType = 'plan' | 'implement' | 'rework' | 'review' | 'test'

/** What an agent should know about its task. */
export interface TaskContext {
  /** The task in words. */
  description: string
  /** Files or globs that the task is about; an implementation stays within them. */
  files: string[]
  /** What must hold when it is done. */
  constraints: string[]
  /** The session's task, in the person's words. */
  session?: string
  /** What conflicts with the work, when it came back for that. */
  conflict?: { files: string[]; hunks: string }
  /** What a reviewer said. */
  review?: { file: string; line?: number; body: string; severity: string }[]
  /** The gate that failed. */
  gate?: { command: string; exit_code: number; output: string }
  /** Everything that the coordinator sent, names as on the wire. */
  raw: JSONObject
}

/** One task, as the coordinator assigned it. */
export interface Task {
  id: string
  type: TaskType
  title: string
  /** 1 the first time. */
  attempt: number
  /** The directory of the agent's clone, for roles that have one. */
  workdir?: string
  /** How the repository is tested. */
  testCommand?: string
  context: TaskContext
}

/** What came of a tool. A command that fails is a result, not an exception. */
export interface ToolResult {
  /** What the tool printed, or said. */
  output: string
  isError: boolean
  /** Of commands. */
  exitCode?: number
  durationMs?: number
  /** The layers of the sandbox that held. */
  layers?: JSONObject
}

export interface Completion {
  result: 'success' | 'failure'
  /** Files that the task made or changed, for the record; the work itself is taken from git. */
  artifacts?: string[]
  /** What was done, and what the next person should know. */
  summary: string
}

export interface Peer {
  agent_id: string
  role: string
  status?: string
  url: string
}

export interface Message {
  from?: string
  text?: string
}
