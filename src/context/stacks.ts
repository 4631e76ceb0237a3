// Where a call comes from, without the calls of this package on top of it.

/** The lines of a stack from the caller of this package on. In a bundle it cannot be told who that is: all of them. */
export function callerOf({ stack = '' }: Error): string {
  const lines = stack.split('\n').filter(line => /^\s+at |@/.test(line))
  const folder = /((?:\w+:\/\/)?[^\s(@]*[\\/])context[\\/][\w-]+\.[jt]s/.exec(lines[0] ?? '')?.[1]
  const own = folder === undefined ? 0 : lines.findIndex(line => !line.includes(folder))
  return lines
    .slice(Math.max(own, 0))
    .map(line => line.trim())
    .join('\n')
}
