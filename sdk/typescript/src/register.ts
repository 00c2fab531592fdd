// `node --import …/register.js agent.mjs`: lets an agent import '@openclaw/agent-runtime' from wherever it lies, because
// a guest has no node_modules beside it.
import { register } from 'node:module'

register('./resolve.js', import.meta.url)
