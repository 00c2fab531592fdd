import type { JSONObject, JSONValue, Task, TaskContext, TaskType, ToolResult } from './types.js'

const object = (value: JSONValue | undefined): JSONObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}
const text = (value: JSONValue | undefined): string | undefined => (typeof value === 'string' ? value : undefined)
const texts = (value: JSONValue | undefined): string[] =>
  Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : []

const types: readonly string[] = ['plan', 'implement', 'rework', 'review', 'test']

/** A task from its wire form; null when there is none. */
export function readTask(value: JSONValue | undefined): Task | null {
  const wire = object(value)
  const id = text(wire['id'])
  const kind = text(wire['kind']) ?? ''
  if (id === undefined || !types.includes(kind)) return null
  const raw = object(wire['context'])
  const conflict = object(raw['conflict'])
  const context: TaskContext = {
    description: text(wire['description']) || text(wire['title']) || '',
    files: [...new Set([...texts(wire['write_set']), ...texts(conflict['files'])])],
    constraints: texts(wire['acceptance']),
    raw,
  }
  const session = text(raw['task'])
  if (session !== undefined) context.session = session
  if (raw['conflict']) context.conflict = raw['conflict'] as unknown as NonNullable<TaskContext['conflict']>
  if (Array.isArray(raw['review'])) context.review = raw['review'] as unknown as NonNullable<TaskContext['review']>
  if (raw['gate']) context.gate = raw['gate'] as unknown as NonNullable<TaskContext['gate']>
  const task: Task = {
    id, type: kind as TaskType, title: text(wire['title']) ?? '',
    attempt: typeof wire['attempt'] === 'number' ? wire['attempt'] : 1, context,
  }
  const workdir = text(wire['workdir'])
  if (workdir !== undefined) task.workdir = workdir
  const command = text(wire['test_command'])
  if (command !== undefined) task.testCommand = command
  return task
}

/** What came of a tool, from its wire form. Images and other blocks count as their description. */
export function readToolResult(value: JSONValue): ToolResult {
  const wire = object(value)
  const content = wire['content']
  const output = Array.isArray(content)
    ? content.map((block) => text(object(block)['text']) ?? `[${text(object(block)['type']) ?? 'block'}]`).join('\n')
    : text(content) ?? ''
  const result: ToolResult = { output, isError: wire['is_error'] === true }
  if (typeof wire['exit_code'] === 'number') result.exitCode = wire['exit_code']
  if (typeof wire['duration_ms'] === 'number') result.durationMs = wire['duration_ms']
  if (wire['layers']) result.layers = object(wire['layers'])
  return result
}

/** Whatever the harness sends in a list that should hold objects. */
export function readList<Item>(value: JSONValue, name: string): Item[] {
  const list = object(value)[name]
  return (Array.isArray(list) ? list.filter((item) => typeof item === 'object' && item !== null) : []) as unknown as Item[]
}
