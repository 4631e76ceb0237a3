// Where a fault comes from: the step at which it happened, and what to write instead.

import type { Breach } from './exploration.js'
import { nameOf, type Step } from './steps.js'
import type { Subject, Use } from './subject.js'

/** Where a fault comes from, as far as its schedule tells. */
export interface Cause {
  /** In a sentence or two, with the number of the step. */
  readonly text: string
  /** What to write instead, as lines of code. */
  readonly fix?: readonly string[]
  /** The member to look at. */
  readonly member?: string
  /** Where it is written, if that is known. */
  readonly file?: string
  readonly line?: number
}

const ONE_SHOT = ['let released = false', 'return () => { if (released) return; released = true; … }']

const FREES: ReadonlySet<Step['does']> = new Set(['release', 'finish', 'fail', 'release again'])
const ASKS: ReadonlySet<Step['does']> = new Set(['acquire', 'run', 'run throwing', 'try'])

export function causeOf(breach: Breach, subject: Subject): Cause | undefined {
  const { driven = {} } = subject
  const found = explain(breach, subject)
  if (!found) return undefined
  const { use, ...cause } = found
  const member = use.map(name => driven[name]).find(name => name !== undefined)
  return { ...cause, ...(member === undefined ? {} : { member }) }
}

type Explained = Omit<Cause, 'member'> & { readonly use: readonly Use[] }

/** How a waiter leaves. */
const LEAVES: ReadonlySet<Step['does']> = new Set(['abort', 'cancel', 'time'])

const ASKING: readonly Use[] = ['acquire', 'run']
const FREEING: readonly Use[] = ['release', 'acquire', 'run']

function explain({ guarantee, kind, steps }: Breach, subject: Subject): Explained | undefined {
  const last = steps.length - 1
  const freed = lastIndex(steps, ({ does }) => FREES.has(does))
  const left = steps.findIndex(({ does, with: limit }) => does === 'abort' || does === 'cancel' || limit === 'timeout')
  const who = (at: number) => nameOf(steps[at]?.client ?? 0)
  switch (true) {
    case kind === 'spins':
      return {
        text: 'The waiter asks again in each microtask, so no timer, no I/O and no other request runs until the holder releases. Let it wait for a promise that the release resolves.',
        fix: ['if (this.locked) await new Promise(resolve => this.waiters.push(resolve))'],
        use: ASKING
      }
    case guarantee === 'G4' && subject.released === 'handle':
      return {
        text: `The releaser of ${who(freed)} works twice: at step ${freed + 1} it frees what another caller holds. Let it work once.`,
        fix: ONE_SHOT,
        use: ['acquire']
      }
    case guarantee === 'G4':
      return {
        text: `No grant has a release of its own, so the call at step ${freed + 1} frees what another caller holds. Give each caller a releaser that works once.`,
        fix: ONE_SHOT,
        use: ['release']
      }
    case kind === 'argument':
      return {
        text: 'The tail carries the last result, and `then(task)` passes it on. Start each task without arguments.',
        fix: ['const result = this.tail.then(() => task())'],
        use: ['run']
      }
    case kind === 'result':
      return {
        text: subject.run
          ? 'A caller is told what is not of its own task. In a chain, start each task without arguments, and keep its result out of the tail.'
          : 'A caller is told what is not its own.',
        fix: ['const result = this.tail.then(() => task())', 'this.tail = result.catch(() => {})', 'return result'],
        use: ['run']
      }
    case guarantee === 'G6' && (kind === 'progress' || kind === 'refused'):
      return {
        text: `What failed at step ${failedAt(steps) + 1} keeps the lock, or the tail carries its failure on. Release in a \`finally\`, and keep the failure out of the tail.`,
        fix: ['try { return await task() } finally { release() }'],
        use: ['run']
      }
    case kind === 'order' || (kind === 'exclusion' && freed >= 0):
      return handOver(kind, steps, freed, last)
    case guarantee === 'G5' && steps.some(({ with: limit }) => limit === 'aborted signal'):
      return {
        text: 'A signal that has aborted before the call is not looked at. Look at it first, before anything is taken.',
        fix: ['signal?.throwIfAborted()'],
        use: ASKING
      }
    case kind === 'started':
      return {
        text: 'The lock was granted, and the signal aborts before the task has begun. Look at the signal once more right before the task starts.',
        fix: ['signal?.throwIfAborted()'],
        use: ['run']
      }
    case kind === 'listener' || kind === 'timer':
      return {
        text: `What a waiter leaves behind is not removed when it is granted or leaves: its ${kind === 'timer' ? 'timer' : 'listener on the signal'}.`,
        fix: [kind === 'timer' ? 'clearTimeout(timer)' : "signal.removeEventListener('abort', onAbort)"],
        use: ASKING
      }
    case kind === 'reason':
      return {
        text: 'The waiter is rejected with an error of the lock. Reject with the reason of the signal.',
        fix: ['reject(signal.reason)'],
        use: ASKING
      }
    case kind === 'progress' && steps[left]?.does === 'cancel':
      return {
        text: `After all waiters were cancelled at step ${left + 1}, a release no longer frees the lock for those that come later. Empty the queue, and leave everything else as it is.`,
        use: FREEING
      }
    case guarantee === 'G5' || (guarantee === 'G3' && left >= 0 && left < last):
      return {
        text: 'The waiter that left is still in the queue, and takes the place of a live one. Take it out when it leaves.',
        fix: ['const at = this.queue.indexOf(waiter)', 'if (at >= 0) this.queue.splice(at, 1)'],
        use: ASKING
      }
    case guarantee === 'G7':
      return {
        text: 'A timer frees the lock while its holder still works. Let the timeout limit the waiting alone.',
        use: ASKING
      }
    case kind === 'exclusion' && left >= 0 && steps.some(({ does }) => LEAVES.has(does)):
      return {
        text: 'The waiter that left gave back a place that it never had, and a newcomer takes it. Only a holder gives back.',
        use: ASKING
      }
    case kind === 'exclusion':
      return {
        text: 'Between the look at the flag and the taking of the lock another caller runs. Take it in the same turn in which it is seen free, with no `await` between.',
        use: ASKING
      }
    case kind === 'progress' && freed >= 0:
      return {
        text: `At step ${freed + 1} the lock is released while a caller waits, and no waiter becomes its owner: a waiter that is called must find the lock free, or be made its owner by the release.`,
        fix: [
          'const next = this.queue.shift()',
          'if (next) next() // it owns the lock now: it does not look again',
          'else this.locked = false'
        ],
        use: FREEING
      }
    default:
      return undefined
  }
}

function lastIndex(steps: readonly Step[], is: (step: Step, at: number) => boolean): number {
  for (let at = steps.length - 1; at >= 0; at--) if (is(steps[at] as Step, at)) return at
  return -1
}

const failedAt = (steps: readonly Step[]): number =>
  steps.findIndex(({ does }) => does === 'fail' || does === 'run throwing')

/** A newcomer that comes in while the lock is on its way to a waiter, or a queue that serves another than its first. */
function handOver(kind: Breach['kind'], steps: readonly Step[], freed: number, last: number): Explained {
  const newcomer = lastIndex(steps, ({ does }, at) => ASKS.has(does) && at > freed)
  if (newcomer >= 0)
    return {
      text:
        `The lock is free from step ${freed + 1} on though a caller waits: the waiter wakes later, and ` +
        `${nameOf(steps[newcomer]?.client ?? 0)} slips in at step ${newcomer + 1}. Hand over instead: leave the lock taken, and let the waiter own it.`,
      fix: ['const next = this.queue.shift()', 'if (next) next()', 'else this.locked = false'],
      use: FREEING
    }
  return kind === 'order'
    ? {
        text: `At step ${(freed < 0 ? last : freed) + 1} another waiter than the first is let in. Serve them in order: \`push\` and \`shift\`.`,
        use: FREEING
      }
    : {
        text: `At step ${freed + 1} more than one waiter is let in, or one that must not be. A release lets in as many as have left.`,
        use: FREEING
      }
}
