// The conformance suites: everything that can be seen of a lock from outside, with a verdict for each guarantee.

import { macrotask } from './clock.js'
import { checkContext } from './context.js'
import type { Breach, Exploration, ExploreOptions } from './exploration.js'
import { exploreSubject, nothingBut } from './explorer.js'
import { type Guarantee, NAMES } from './guarantees.js'
import type { Hints } from './hints.js'
import { type Findings, type Report, reportOf, type Verdict } from './report.js'
import { checkResidue } from './residue.js'
import { checkScale } from './scale.js'
import type { Subject } from './subject.js'
import { subjectsOf } from './subjects.js'
import { checkTransparency } from './transparency.js'
import { UnhandledErrors } from './unhandled.js'
import { describeValue } from './wording.js'

/** How thorough a check is. */
export interface CheckOptions extends Omit<ExploreOptions, 'keys'> {
  /** Is told how far it has come, with each fault as soon as it is found. */
  readonly onReport?: (report: Report) => void
  /**
   * What the lock claims though no lock is expected to: `G8`, that a queued task runs in the context of its caller. What is
   * not claimed is "not offered" where it does not hold.
   */
  readonly claims?: readonly Guarantee[]
  /** How many wait in the longest queue. Default 100,000; 0 leaves it out, as it takes real time. */
  readonly waiters?: number
}

/** A few seconds each on an ordinary machine: the more ways of asking, the more schedules of one length. */
function depthFor({ kind, takes }: Subject): number {
  const plain = !takes.signal && !takes.timeout
  return (plain ? 7 : 5) - (kind === 'read-write-lock' ? 1 : 0)
}

/**
 * Checks the locks that `create` makes, of any kind: a mutex, keyed or not, a semaphore or a read-write lock.
 * `create` is called once for each schedule. While it runs, the timers of the platform are replaced, so nothing else
 * should be going on.
 *
 * @throws TypeError when `create` is no function, or the shape of what it makes cannot be recognised.
 */
export function check(create: () => unknown, options: CheckOptions = {}): Promise<Report> {
  return suite('check', create, options)
}

/** Checks a mutex: see `check`. */
export function checkMutex(create: () => unknown, options: CheckOptions = {}): Promise<Report> {
  return suite('checkMutex', create, options, { kind: 'mutex', keyed: false })
}

/** Checks a mutex that has a lock for each key: see `check`. */
export function checkKeyedMutex(create: () => unknown, options: CheckOptions = {}): Promise<Report> {
  return suite('checkKeyedMutex', create, options, { kind: 'mutex', keyed: true })
}

/** Checks a semaphore: see `check`. */
export function checkSemaphore(create: () => unknown, options: CheckOptions = {}): Promise<Report> {
  return suite('checkSemaphore', create, options, { kind: 'semaphore' })
}

/** Checks a read-write lock: see `check`. */
export function checkReadWriteLock(create: () => unknown, options: CheckOptions = {}): Promise<Report> {
  return suite('checkReadWriteLock', create, options, { kind: 'read-write-lock' })
}

async function suite(name: string, create: () => unknown, options: CheckOptions, hints: Hints = {}): Promise<Report> {
  checkArguments(name, create, options)
  const make = await subjectsOf(create, { ...hints, ...options.hints })
  const subject = make()
  const {
    waiters = 100_000,
    clients = Math.max(3, subject.capacity + 1),
    depth = depthFor(subject),
    claims = []
  } = options
  const explorations: Exploration[] = []
  const found: Breach[] = []
  const tell = (findings: Findings) => options.onReport?.(reportOf(subject, explorations, findings))
  const onBreach = (breach: Breach) => {
    options.onBreach?.(breach)
    found.push(breach)
    const partial = { ...nothingBut(breach, clients), breaches: found }
    options.onReport?.(reportOf(subject, [...explorations, partial], leaveOut('it did not come to that')))
  }
  const settings = { ...options, clients, depth, onBreach }
  explorations.push(await exploreSubject(make, settings))
  const [first] = explorations
  if (first?.breaches[0]?.kind === 'spins')
    return reportOf(subject, explorations, leaveOut('while a caller waits for this lock, nothing else can run'))
  if (first && !first.waited && !subject.letsInMore)
    return reportOf(subject, explorations, leaveOut('no caller ever waited'))
  // Two keys make twice as many steps possible, and show in few of them whether one is in the way of the other.
  if (subject.keyed)
    explorations.push(
      await exploreSubject(make, {
        ...settings,
        keys: ['a', 'b'],
        depth: Math.min(depth, 4),
        ...(options.budget === undefined ? {} : { budget: options.budget / 3 })
      })
    )
  tell(leaveOut('it did not come to that'))
  const broken = new Set(explorations.flatMap(({ breaches }) => breaches.map(({ guarantee }) => guarantee)))
  // A lock that fails here may do so where no caller can catch it, and must not end the process.
  const unhandled = new UnhandledErrors()
  unhandled.start()
  try {
    return reportOf(subject, explorations, await findings(make, subject, waiters, broken, claims.includes('G8'), tell))
  } finally {
    await macrotask()
    unhandled.stop()
  }
}

type Finding = Pick<Verdict, 'verdict' | 'why'>

const leaveOut = (why: string): Findings =>
  new Map((Object.keys(NAMES) as Guarantee[]).map(guarantee => [guarantee, { verdict: 'not tried', why }]))

/** What schedules do not show. What is broken already is not told once more as its consequence. */
async function findings(
  make: () => Subject,
  subject: Subject,
  waiters: number,
  broken: ReadonlySet<Guarantee>,
  claimsContext: boolean,
  tell: (findings: Findings) => void
): Promise<Findings> {
  const found = new Map<Guarantee, Finding>()
  let isUnfit = broken.has('G1') || broken.has('G3')
  const transparency = await checkTransparency(make, !isUnfit)
  if (transparency) found.set('G6', transparency)
  isUnfit ||= broken.has('G6') || transparency?.verdict === 'broken'
  found.set('G8', await checkContext(make, claimsContext))
  const unfit: Finding = { verdict: 'not tried', why: 'waiters are not served as they should be' }
  if (subject.keyed) found.set('G10', broken.has('G3') ? unfit : await checkResidue(make))
  found.set('G9', isUnfit ? unfit : { verdict: 'not tried', why: 'it was left out' })
  tell(found)
  // The one that takes the most time and memory comes last.
  if (!isUnfit && waiters > 0) found.set('G9', await checkScale(make, waiters))
  return found
}

function checkArguments(name: string, create: unknown, options: unknown): void {
  const must = (ok: boolean, argument: string, expected: string, value: unknown) => {
    if (!ok) throw new TypeError(`${name}: ${argument} must be ${expected}, got ${describeValue(value)}`)
  }
  must(typeof create === 'function', 'create', 'a function that makes a fresh lock, such as () => new Mutex()', create)
  must(typeof options === 'object' && options !== null, 'options', 'an object', options)
  const { clients, depth, waiters, claims, onProgress } = options as CheckOptions
  const isCount = (value: unknown, least: number) =>
    value === undefined || (Number.isInteger(value) && (value as number) >= least)
  must(isCount(clients, 1), 'options.clients', 'a whole number >= 1', clients)
  must(isCount(depth, 1), 'options.depth', 'a whole number >= 1', depth)
  must(isCount(waiters, 0), 'options.waiters', 'a whole number >= 0', waiters)
  const areNames = claims === undefined || (Array.isArray(claims) && claims.every(name => name in NAMES))
  must(areNames, 'options.claims', "an array of guarantees such as ['G8']", claims)
  must(onProgress === undefined || typeof onProgress === 'function', 'options.onProgress', 'a function', onProgress)
}
