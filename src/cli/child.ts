/// <reference types="node" />
// The process in which a lock is examined. A lock that never returns keeps it from ending by itself: its parent ends it.

import { createRequire, register } from 'node:module'
import { pathToFileURL } from 'node:url'
import { type Found, findLock, type Loaded, loadWatched } from '../testing/exports.js'
import { watched } from '../testing/gauges.js'
import { UnrecognisedError } from '../testing/hints.js'
import { checkKeyedMutex, checkMutex, checkReadWriteLock, checkSemaphore, type Report } from '../testing/index.js'
import { recogniseAll } from '../testing/recognise.js'
import type { Subject } from '../testing/subject.js'
import { evaluatorFor } from './again.js'
import type { Loader } from './typescript.js'
import type { CheckCommand } from './usage.js'

/** What this process is told. */
export interface Task {
  readonly file: string
  readonly command: CheckCommand
  readonly compiler: Loader['compiler'] | undefined
}

/** What it tells: what it is about to do, what it found out, and how it ended. */
export type ChildMessage =
  | { readonly doing: string }
  | { readonly how: string; readonly shape: string }
  | { readonly report: Report }
  | { readonly failed: string }

/** As many locks as a module is evaluated for that holds the only one: 0.4 ms and 11 kB each. */
const SPARE = 4000
const SPARE_TO_RECOGNISE = 60

const tell = (message: ChildMessage): void => {
  process.send?.(message)
}

// What a lock throws where no caller can catch it must not end the examination.
process.on('uncaughtException', () => undefined)
process.on('unhandledRejection', () => undefined)

process.once('message', async (task: Task) => {
  // A lock may wait for what keeps no process alive.
  const alive = setInterval(() => undefined, 1000)
  try {
    await examine(task)
  } catch (error) {
    tell({ failed: error instanceof UnrecognisedError ? error.message : explain(error, task.file) })
  }
  clearInterval(alive)
  process.disconnect()
})

async function examine({ file, command, compiler }: Task): Promise<void> {
  tell({ doing: `loading ${command.file}` })
  if (compiler) register(new URL('./hooks.js', import.meta.url), { data: compiler })
  const load = loads(file)
  const found = await findLock(load, command.exported, command.hints)
  const again = found.create ? undefined : await evaluatorFor(file, Object.keys((await load()).names), compiler)

  tell({ doing: `finding out how ${found.how} is used` })
  const create = await makerOf(found, again, load, SPARE_TO_RECOGNISE)
  const bind = await recogniseAll(create, found.hints)
  const subject = bind(create())
  tell({ how: found.how, shape: subject.shape })

  tell({ doing: 'putting it through its schedules' })
  const { depth, clients, seed, waiters } = command
  const progress = sparingly(doing => tell({ doing }))
  const report = await suiteFor(subject)(await makerOf(found, again, load, SPARE), {
    hints: found.hints,
    ...(depth === undefined ? {} : { depth }),
    ...(clients === undefined ? {} : { clients }),
    ...(seed === undefined ? {} : { random: { seed } }),
    ...(waiters === undefined ? {} : { waiters }),
    onProgress: ({ schedules, depth }) => progress(`playing schedules of ${depth} steps: ${schedules} so far`)
  })
  tell({ report })
}

/** A new stage is told at once; numbers that only go up, ten times a second. */
function sparingly(tell: (doing: string) => void): (doing: string) => void {
  let stage = ''
  let told = 0
  return doing => {
    const now = performance.now()
    const current = doing.replace(/[\d,.]+/g, '')
    if (current === stage && now - told < 100) return
    stage = current
    told = now
    tell(doing)
  }
}

function suiteFor({ kind, keyed }: Subject): typeof checkMutex {
  if (kind === 'read-write-lock') return checkReadWriteLock
  if (kind === 'semaphore') return checkSemaphore
  return keyed ? checkKeyedMutex : checkMutex
}

/** Evaluates the module anew with each call. */
function loads(file: string): () => Promise<Loaded> {
  const { cache } = createRequire(import.meta.url)
  const { href } = pathToFileURL(file)
  let count = 0
  return () => {
    // An ES module is another one under another URL; CommonJS is known by its file alone.
    delete cache[file]
    return loadWatched(() => import(`${href}?evaluation=${count++}`))
  }
}

/**
 * A maker of fresh locks. Where the module holds the only one, it is evaluated for each; if that cannot be done at once,
 * so many evaluations of it are kept ready.
 */
async function makerOf(
  found: Found,
  again: (() => Loaded) | undefined,
  load: () => Promise<Loaded>,
  spare: number
): Promise<() => unknown> {
  if (found.create) return watched(found.create)
  if (again) return () => found.pick(again())
  const ready: Loaded[] = []
  while (ready.length < spare) ready.push(await load())
  return () => {
    const next = ready.pop()
    if (next === undefined)
      throw new UnrecognisedError(
        `the module holds one lock, and ${spare} evaluations of it were not enough for a fresh one for each schedule.\n` +
          'Export a class or a function that makes locks, or look less deep: --depth 4'
      )
    return found.pick(next)
  }
}

/** The first lines of an error, with what usually helps. */
function explain(error: unknown, file: string): string {
  const { code, name, message, stack } =
    error instanceof Error ? (error as NodeJS.ErrnoException) : ({} as Partial<NodeJS.ErrnoException>)
  const text = message === undefined ? String(error) : `${name}: ${message}`
  if (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND')
    return `${file} could not be loaded, for something that it imports: ${text}`
  if (code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX')
    return `${text}\nNode only leaves types out; for enum, namespace and parameter properties, install tsx in your project or check the compiled file.`
  // An error of syntax names its place on the first line, any other in its first frame.
  const place = stack?.split('\n').find(line => /^file:|^\s+at (?!.*node:internal)/.test(line))
  return `${text}${place === undefined ? '' : `\n${place}`}`
}
