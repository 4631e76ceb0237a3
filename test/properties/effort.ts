// How much work the core does, as a number that is the same on every machine: how often each block of its code ran, and
// how many elements the array methods that walk or shift a whole array had before them.

import { Session } from 'node:inspector/promises'
import { setFlagsFromString } from 'node:v8'

const WALKING = [
  ...(['concat', 'copyWithin', 'fill', 'filter', 'find', 'findIndex', 'findLast', 'findLastIndex', 'forEach'] as const),
  ...(['includes', 'indexOf', 'join', 'lastIndexOf', 'map', 'reduce', 'reverse', 'shift', 'slice', 'sort'] as const),
  ...(['some', 'every', 'splice', 'unshift'] as const)
]

/** Optimised code does not count every call. Maglev is off in Node 20, and is to stay so. */
const COMPILERS = Number.parseInt(process.versions.node, 10) < 22 ? ['turbofan'] : ['turbofan', 'maglev']

export async function effort(work: () => void | Promise<void>): Promise<number> {
  const prototype = Array.prototype as unknown as Record<string, (this: unknown[], ...args: unknown[]) => unknown>
  const originals = WALKING.map(name => [name, prototype[name]!] as const)
  let walked = 0
  for (const compiler of COMPILERS) setFlagsFromString(`--no-${compiler}`)
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  for (const [name, original] of originals)
    prototype[name] = function (...args) {
      walked += this.length
      return Reflect.apply(original, this, args)
    }
  try {
    await work()
  } finally {
    for (const [name, original] of originals) prototype[name] = original
  }
  const { result } = await session.post('Profiler.takePreciseCoverage')
  session.disconnect()
  for (const compiler of COMPILERS) setFlagsFromString(`--${compiler}`)
  let ran = 0
  for (const { url, functions } of result)
    if (url.includes('/src/core/')) for (const { ranges } of functions) for (const { count } of ranges) ran += count
  if (ran === 0) throw new Error('the coverage says nothing of src/core')
  return ran + walked
}
