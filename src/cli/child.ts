/// <reference types="node" />
// The process in which a lock is examined. A lock that never returns keeps it from ending by itself: its parent ends it.

import { createRequire, register } from 'node:module'
import { pathToFileURL } from 'node:url'
import type { LockCode } from '../testing/code.js'
import { type Found, findLock, type Loaded, loadWatched } from '../testing/exports.js'
import { watched } from '../testing/gauges.js'
import { UnrecognisedError } from '../testing/hints.js'
import { checkKeyedMutex, checkMutex, checkReadWriteLock, checkSemaphore, type Report } from '../testing/index.js'
import { membersOf } from '../testing/members.js'
import { normal } from '../testing/names.js'
import { codeOf, recogniseAll, SHARED } from '../testing/recognise.js'
import { Spinning } from '../testing/session.js'
import { spinningReport } from '../testing/spun.js'
import type { Subject, SubjectFactory } from '../testing/subject.js'
import { textOf } from '../testing/wording.js'
import { evaluatorFor } from './again.js'
import { internalMembers, type Place, placeOf } from './source.js'
import { boundStorages } from './storages.js'
import { HELP_FOR_TYPESCRIPT, isTypeScript, type Loader } from './typescript.js'
import type { CheckCommand } from './usage.js'

/** What this process is told. */
export interface Examine {
  readonly file: string
  readonly exported: string | undefined
  readonly command: CheckCommand
  readonly loader: Loader
}

/** How a lock is made and called, as source code. In scope: `made`, what the module exports. */
export interface Made {
  readonly exported: string
  /** `undefined` where the export is the lock. */
  readonly create: string | undefined
  readonly code: LockCode
}

/** What it tells: what it is about to do, what it found out, how far it has come, and how it ended. */
export type ChildMessage =
  | { readonly doing: string }
  /** It is not stuck: told each second while its timers run. */
  | { readonly beat: true }
  | {
      readonly how: string
      readonly shape: string
      readonly places: Readonly<Record<string, Place>>
      readonly made: Made | undefined
    }
  | { readonly partial: Report }
  | { readonly report: Report }
  | { readonly failed: string }

/** As many locks as a module is evaluated for that holds the only one: 0.4 ms and 11 kB each. */
const SPARE = 4000
const SPARE_TO_RECOGNISE = 300

/** ms of processor time for schedules, unless the command says how deep to look. */
const BUDGET = 2000

const tell = (message: ChildMessage): void => {
  process.send?.(message)
}

// What a lock throws where no caller can catch it must not end the examination.
process.on('uncaughtException', () => undefined)
process.on('unhandledRejection', () => undefined)

process.once('message', async (task: Examine) => {
  boundStorages()
  // A lock may wait for what keeps no process alive.
  const alive = setInterval(() => tell({ beat: true }), 1000)
  try {
    await examine(task)
  } catch (error) {
    if (error instanceof Spinning) tell({ report: spinningReport() })
    else tell({ failed: error instanceof UnrecognisedError ? error.message : explain(error, task.file) })
  }
  clearInterval(alive)
  process.disconnect()
})

async function examine({ file, exported, command, loader }: Examine): Promise<void> {
  tell({ doing: `loading ${file}` })
  const { compiler } = loader
  if (loader.registers) register(new URL('./hooks.js', import.meta.url), { data: compiler })
  const load = loads(file)
  const hints = { ...command.hints, internal: internalMembers(file) }
  let found = await findLock(load, exported, hints)
  const evaluator = async () => evaluatorFor(file, Object.keys((await load()).names), compiler)
  let again = found.create ? undefined : await evaluator()

  tell({ doing: `finding out how ${found.how} is used` })
  let create = await makerOf(found, again, load, SPARE_TO_RECOGNISE)
  let bind = await recogniseAll(create, found.hints)
  let subject = bind(create())
  if (subject.doubts?.includes(SHARED) && found.makeIn) {
    // What it makes is no fresh lock, unless its module is a fresh one too.
    const { create: _, makeIn, ...rest } = found
    found = { ...rest, pick: makeIn }
    again = await evaluator()
    create = await makerOf(found, again, load, SPARE_TO_RECOGNISE)
    bind = await recogniseAll(create, found.hints)
    subject = bind(create())
  }
  tell({ how: found.how, shape: subject.shape, places: placesOf(subject), made: madeBy(found, bind) })

  tell({ doing: 'putting it through its schedules' })
  const { depth, clients, seed, waiters } = command
  const progress = sparingly(doing => tell({ doing }))
  const report = await suiteFor(subject)(await makerOf(found, again, load, SPARE), {
    hints: found.hints,
    ...(depth === undefined ? { budget: BUDGET } : { depth }),
    ...(clients === undefined ? {} : { clients }),
    ...(seed === undefined ? {} : { random: { seed } }),
    ...(waiters === undefined ? {} : { waiters }),
    onReport: partial => tell({ partial }),
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

function madeBy({ exported, how, create }: Found, bind: SubjectFactory): Made | undefined {
  const code = codeOf(bind)
  if (!code) return undefined
  const call = /^(new )?.*?(\(.*\))$/.exec(how)
  return { exported, create: create && call ? `${call[1] ?? ''}made${call[2]}` : undefined, code }
}

/** Where the members that are driven are written. */
function placesOf({ lock, driven = {} }: Subject): Record<string, Place> {
  const members = membersOf(lock)
  const places: Record<string, Place> = {}
  for (const name of Object.values(driven).flatMap(names => names.split(', '))) {
    const own = name.replace(/^.*\./, '')
    const member = members.get(normal(own)) ?? members.get('()')
    const place = member && placeOf(member.callable, own)
    if (place) places[name] = place
  }
  return places
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
          'Export a class or a function that makes locks, or look less deep: --depth 3'
      )
    return found.pick(next)
  }
}

/** The first lines of an error, with what usually helps. */
function explain(error: unknown, file: string): string {
  const { code, name, message, stack } =
    error instanceof Error ? (error as NodeJS.ErrnoException) : ({} as Partial<NodeJS.ErrnoException>)
  const text = message === undefined ? textOf(error) : `${name}: ${message}`
  const help = isTypeScript(file) ? `\n${HELP_FOR_TYPESCRIPT}` : ''
  if (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND')
    return `${file} could not be loaded, for something that it imports: ${text}${help}`
  if (code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX' || code === 'ERR_INVALID_TYPESCRIPT_SYNTAX') return `${text}${help}`
  // An error of syntax names its place on the first line, any other in its first frame.
  const place = stack
    ?.split('\n')
    .find(line => /^(file:|\/|[A-Za-z]:\\).*:\d+/.test(line) || /^\s+at (?!.*node:internal)/.test(line))
  const where = place ?? (error instanceof SyntaxError ? file : undefined)
  return `${text}${where === undefined ? '' : `\n${where}`}`
}
