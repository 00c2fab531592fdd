import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OpenClawAgent, RPCError, ToolError } from '../dist/index.js'
import { implement, startHarness, tasks } from './harness.mjs'

async function withHarness(answers, body) {
  const harness = await startHarness({
    'task.progress': () => ({ cancelled: false }), 'task.complete': () => ({ commit: 'c0ffee' }), 'task.fail': () => ({}),
    'agent.heartbeat': () => ({}), ...answers,
  })
  const agent = new OpenClawAgent({ role: 'coder', socket: harness.path })
  try {
    await body(agent, harness)
  } finally {
    agent.stop()
    harness.stop()
  }
}

/** Runs the agent until it has reported the end of a task. */
async function untilOver(agent, harness) {
  let failure
  const over = agent.start().catch((error) => { failure = error })
  while (harness.asked('task.complete').length + harness.asked('task.fail').length === 0) {
    if (failure) throw failure
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  agent.stop()
  await over
}

test('the example of the specification runs as it is written', async () => {
  const tool = ({ name, input }) => ({ content: `${name} ${JSON.stringify(input)}`, is_error: false, exit_code: 0 })
  await withHarness({ 'task.next': tasks(implement), 'tools.call': tool }, async (agent, harness) => {
    const seen = {}
    agent.onTask(async (task) => {
      seen.task = task
      seen.result = await agent.tools.shell('npm test')
      await agent.tools.editFile('src/auth.ts', 'new content')
      seen.diff = await agent.tools.git('diff')
      await agent.reportProgress('Implemented auth fix, running tests...')
      seen.end = await agent.completeTask({
        result: 'success', artifacts: ['src/auth.ts', 'test/auth.test.ts'], summary: 'Fixed token validation',
      })
    })
    agent.startHeartbeat({ intervalMs: 60_000 })
    await untilOver(agent, harness)
    assert.equal(seen.task.type, 'implement')
    assert.deepEqual(seen.task.context.files, ['src/auth.ts', 'src/b.ts'])
    assert.equal(seen.task.context.description, 'Validate tokens.')
    assert.deepEqual(seen.task.context.constraints, ['expired tokens are refused'])
    assert.equal(seen.result.output, 'bash {"command":"npm test"}')
    assert.equal(seen.diff, 'git {"args":"diff"}')
    assert.deepEqual(seen.end, { commit: 'c0ffee' })
    assert.deepEqual(harness.asked('tools.call').map((call) => [call.name, call.task]), [
      ['bash', 't1'], ['write', 't1'], ['git', 't1']])
    assert.equal(harness.asked('task.complete')[0].summary, 'Fixed token validation')
    assert.equal(harness.asked('task.fail').length, 0)
    assert.ok(harness.asked('agent.heartbeat').length >= 1)
  })
})

test('an exception of the handler fails the task with its message', async () => {
  await withHarness({ 'task.next': tasks(implement) }, async (agent, harness) => {
    agent.onTask(() => { throw new Error('no idea') })
    await untilOver(agent, harness)
    assert.deepEqual(harness.asked('task.fail'), [{ task: 't1', reason: 'no idea' }])
  })
})

test('a handler that forgets to complete fails the task', async () => {
  await withHarness({ 'task.next': tasks(implement) }, async (agent, harness) => {
    agent.onTask(() => {})
    await untilOver(agent, harness)
    assert.match(harness.asked('task.fail')[0].reason, /without completing/)
  })
})

test('a task that was called off stops the handler and is not failed', async () => {
  await withHarness({
    'task.next': tasks(implement, { ...implement, id: 't2' }),
    'task.progress': ({ task }) => ({ cancelled: task === 't1' }),
  }, async (agent, harness) => {
    agent.onTask(async (task) => {
      await agent.reportProgress('on it')
      await agent.completeTask({ result: 'success', summary: task.id })
    })
    await untilOver(agent, harness)
    assert.deepEqual(harness.asked('task.complete').map((call) => call.task), ['t2'])
    assert.equal(harness.asked('task.fail').length, 0)
  })
})

test('a command that fails is a result, and an edit that does not fit is an exception', async () => {
  const tool = ({ name }) => ({ content: `${name} says no`, is_error: true, exit_code: 1 })
  await withHarness({ 'tools.call': tool }, async (agent) => {
    const result = await agent.tools.shell('false')
    assert.deepEqual([result.isError, result.exitCode], [true, 1])
    await assert.rejects(agent.tools.editFile('a', { old: 'x', new: 'y' }), ToolError)
    await assert.rejects(agent.tools.git('diff'), /git says no/)
    await assert.rejects(agent.call('no.such.method'), RPCError)
    await assert.rejects(agent.completeTask({ result: 'success', summary: '' }), /there is no task/)
  })
})

test('an end that is refused can be tried again', async () => {
  let tries = 0
  await withHarness({
    'task.next': tasks(implement),
    'task.complete': () => { if (tries++ === 0) throw new Error('conflict markers are left'); return {} },
  }, async (agent, harness) => {
    agent.onTask(async () => {
      await assert.rejects(agent.completeTask({ result: 'success', summary: 'a' }), /conflict markers/)
      await agent.completeTask({ result: 'success', summary: 'b' })
    })
    await untilOver(agent, harness)
    while (harness.asked('task.complete').length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
    assert.equal(harness.asked('task.complete')[1].summary, 'b')
  })
})

test('start ends with the reason when the harness goes, and sends what is no JSON away', async () => {
  for (const harm of [(socket) => socket.destroy(), (socket) => socket.write('nonsense\n')]) {
    await withHarness({ 'task.next': (_, socket) => { harm(socket); return new Promise(() => {}) } }, async (agent) => {
      agent.onTask(() => {})
      await assert.rejects(agent.start(), /harness/)
    })
  }
})

test('texts of any length and script arrive whole', async () => {
  const long = 'ä𝄞\u2028'.repeat(200_000)
  await withHarness({ 'tools.call': () => ({ content: long }), 'notes.read': () => ({ notes: 'n' }) }, async (agent) => {
    assert.equal((await agent.tools.shell('cat')).output, long)
    assert.equal(await agent.notes.read(), 'n')
  })
})
