// Where a call comes from: a stack without the calls of this package on top of it.

/** What V8 adds to `Error`. */
const V8Error = Error as { stackTraceLimit?: unknown }

/** Calls of this package between a user and the place where a stack is taken are up to ten. */
const DEPTH = 30

/** Takes the stack, deep enough to reach the caller. It becomes text when `callerOf` is asked. @internal */
export function captureOrigin(): Error {
  const { stackTraceLimit } = V8Error
  // Not by assignment: where a program has frozen `Error`, that would throw.
  const isDeepened =
    typeof stackTraceLimit === 'number' && stackTraceLimit < DEPTH && Reflect.set(V8Error, 'stackTraceLimit', DEPTH)
  const origin = new Error('asked here')
  if (isDeepened) Reflect.set(V8Error, 'stackTraceLimit', stackTraceLimit)
  return origin
}

/**
 * The calls of the user, a line each, innermost first. Those of this package are in the folder above that of this file,
 * whose call is the first of the stack. In a bundle they cannot be told apart, and all calls stay. @internal
 */
export function callerOf(origin: Error): string {
  const lines = textOf(origin)
    .split('\n')
    .filter(line => /^\s*at |@/.test(line))
  const folder = /((?:\w+:\/\/)?[^\s(@]*[\\/])core[\\/]stack\.[jt]s/.exec(lines[0] ?? '')?.[1]
  const own = folder === undefined ? 0 : lines.findIndex(line => !line.includes(folder))
  return lines
    .slice(Math.max(own, 0))
    .map(line => line.trim())
    .join('\n')
}

/** A program may have its own `Error.prepareStackTrace`, which returns anything, such as a list of calls, or throws. */
function textOf(error: Error): string {
  try {
    const { stack } = error as { stack?: unknown }
    if (Array.isArray(stack)) return stack.map(call => `at ${call}`).join('\n')
    return typeof stack === 'string' ? stack : ''
  } catch {
    return ''
  }
}
