// Runs in Node's loader: the package's name is this package, everything else is Node's business.
type Next = (specifier: string, context: unknown) => unknown

export function resolve(specifier: string, context: unknown, next: Next): unknown {
  if (specifier !== '@openclaw/agent-runtime') return next(specifier, context)
  return { url: new URL('./index.js', import.meta.url).href, format: 'module', shortCircuit: true }
}
