// How the members of a lock are called, once that is known: what goes where, and what is made of the answer.

import type { Callable, Member } from './members.js'
import { GRANTED, RELEASE_OF_GRANT } from './names.js'
import { type Call, isObject, isThenable } from './probe.js'
import type { Release, RequestOptions, Subject } from './subject.js'

export type { Callable }

/** What goes where in a call. */
export type ArgumentRole =
  | 'key'
  | 'task'
  | 'signal'
  | 'token'
  | 'options'
  | 'timeout'
  | 'permits'
  | 'owner'
  | 'grant'
  | 'mode'
  | 'nothing'

export interface OptionNames {
  signal?: string
  timeout?: string
  permits?: string
}

/** How a member is called. */
export interface CallShape {
  readonly member: Member
  readonly roles: ArgumentRole[]
  readonly fields: OptionNames
  keyed: boolean
  /** Its keys are objects, as for a `WeakMap`. */
  readonly objectKeys?: boolean
  /** What it is given for reading and for writing. */
  readonly modes?: { readonly read: string; readonly write: string }
}

/** An object that says of itself that it is no grant: `{ acquired: false }`. */
const saysNo = (value: unknown): boolean =>
  isObject(value) &&
  (['acquired', 'granted', 'isAcquired', 'success', 'ok', 'locked', 'held'].some(name => value[name] === false) ||
    ['timedOut', 'timeout', 'cancelled', 'expired'].some(name => value[name] === true))

/** A token of cancellation as editors pass it, which a signal stands behind. */
const tokenOf = (signal: AbortSignal) => ({
  get isCancellationRequested() {
    return signal.aborted
  },
  onCancellationRequested(listener: () => void) {
    const call = () => listener()
    signal.addEventListener('abort', call)
    return { dispose: () => signal.removeEventListener('abort', call) }
  }
})

const objects = new Map<string, object>()

/** The same object for the same name. */
function objectFor(name: string): object {
  const object = objects.get(name) ?? { name }
  objects.set(name, object)
  return object
}

export type Grant = 'releaser' | 'handle' | 'tuple' | 'ticket' | 'pair'

export interface AcquireShape extends CallShape {
  readonly grant: Grant
  /** The call takes a function that is called when the lock is granted. */
  readonly callback: boolean
}

export interface RunShape extends CallShape {
  /** The call gives a function that is the guarded task, to be called. */
  readonly wraps: boolean
  /** The call gives what the task came to. One that does not only starts tasks. */
  readonly tells: boolean
  /** The call is told that its task is queued: its promise resolves before the task has begun. */
  readonly tellsEarly?: boolean
  /** The call gives an object of its own with what the task came to in it. */
  readonly boxes: boolean
}

export interface Plan {
  readonly acquire?: AcquireShape | undefined
  readonly release?: CallShape | undefined
  readonly run?: RunShape | undefined
  readonly tryAcquire?: CallShape | undefined
  /** What `acquire` gave stands for that one grant, and `release` wants it. */
  readonly hasTokens?: boolean
}

export interface Args {
  readonly key?: string
  readonly options?: RequestOptions
  readonly task?: Callable
  readonly owner?: unknown
  readonly grant?: unknown
}

/** How this grant is given back, if it can be by itself. */
export function releaseOf(value: unknown, lock?: unknown): Release | undefined {
  if (value === lock && lock !== undefined) return undefined
  if (typeof value === 'function') return value as Release
  if (Array.isArray(value)) return value.map(part => releaseOf(part, lock)).find(found => found !== undefined)
  if (!isObject(value)) return undefined
  const name = releaseNameOf(value)
  return name === undefined ? undefined : () => (value[name] as Release)()
}

const DISPOSALS = [
  Symbol.dispose,
  Symbol.asyncDispose,
  Symbol.for('Symbol.dispose'),
  Symbol.for('Symbol.asyncDispose')
].filter(symbol => symbol !== undefined)

/** Which member gives it back. One that another of them calls is its inner part: what TypeScript has as private is there too. */
function releaseNameOf(value: Record<PropertyKey, unknown>): PropertyKey | undefined {
  const names = [...RELEASE_OF_GRANT, ...DISPOSALS].filter(name => typeof value[name] === 'function')
  if (names.length < 2) return names[0]
  const sourceOf = (name: PropertyKey) => Function.prototype.toString.call(value[name])
  const isInner = (name: PropertyKey) =>
    typeof name === 'string' &&
    names.some(other => other !== name && new RegExp(`\\bthis\\.${name}\\s*(\\?\\.)?\\(`).test(sourceOf(other)))
  return names.find(name => !isInner(name)) ?? names[0]
}

/** What an `acquire` on a free lock came to; nothing, if that is no grant. */
export function grantOf(outcome: Call['outcome'], lock: unknown): Grant | undefined {
  if (outcome.state === 'returned') return ticketOf(outcome.value) ? 'ticket' : undefined
  if (outcome.state !== 'resolved') return undefined
  const { value } = outcome
  if (Array.isArray(value) && releaseOf(value, lock)) return 'tuple'
  if (typeof value === 'function') return value === lock ? 'pair' : 'releaser'
  if (releaseOf(value, lock)) return 'handle'
  return value === false || value === null ? undefined : 'pair'
}

/** How a promise gives back what it waits for, where it has a member for that beside those of promises. */
export function releaseOfPromise(value: unknown): Release | undefined {
  const name = isThenable(value) && ['release', 'unlock', 'free'].find(name => isCallable(value, name))
  return name ? () => (value as unknown as Record<string, Release>)[name]?.() : undefined
}

const isCallable = (value: object, name: string): boolean =>
  typeof (value as Record<string, unknown>)[name] === 'function'

/** An object that is handed out before the grant: its promise, and its release. */
function ticketOf(value: unknown): { granted: PromiseLike<unknown>; giveBack: Release } | undefined {
  const ofPromise = releaseOfPromise(value)
  if (ofPromise) return { granted: value as PromiseLike<unknown>, giveBack: ofPromise }
  if (!isObject(value) || isThenable(value)) return undefined
  const generator = value as unknown as AsyncGenerator
  if (typeof generator[Symbol.asyncIterator] === 'function' && typeof generator.return === 'function')
    return { granted: generator.next(), giveBack: () => generator.return(undefined) }
  const giveBack = releaseOf(value)
  const granted = GRANTED.map(name => value[name]).find(isThenable)
  return giveBack && granted && { granted, giveBack }
}

// ---- calls

/** Calls a member with each thing in its place. */
export function invoke(way: CallShape, lock: unknown, { key, options = {}, task, owner, grant }: Args): unknown {
  const args = way.roles.map(role => {
    switch (role) {
      case 'key':
        return way.objectKeys && key !== undefined ? objectFor(key) : key
      case 'mode':
        return way.modes?.[options.mode ?? 'write']
      case 'task':
        return task
      case 'owner':
        return owner
      case 'grant':
        return grant
      case 'signal':
        return options.signal
      case 'token':
        return options.signal && tokenOf(options.signal)
      case 'timeout':
        return options.timeout
      case 'permits':
        return options.permits
      case 'options':
        return optionsOf(way.fields, options)
      default:
        return undefined
    }
  })
  while (args.length > 0 && args.at(-1) === undefined) args.pop()
  return way.member.of(lock)(...args)
}

function optionsOf(fields: OptionNames, options: RequestOptions): Record<string, unknown> | undefined {
  const entries = (['signal', 'timeout', 'permits'] as const)
    .filter(what => fields[what] !== undefined && options[what] !== undefined)
    .map(what => [fields[what], options[what]])
  return entries.length > 0 ? Object.fromEntries(entries) : undefined
}

export function start(way: CallShape, lock: unknown, args: Args, wraps: boolean): unknown {
  const value = invoke(way, lock, args)
  return wraps ? (value as Callable)() : value
}

export const refused = () => new Error('not granted')

/** A token of cancellation has no reason: that of the signal behind it stands for the error that the lock made up. */
const reasonFor =
  ({ roles }: CallShape, { signal }: RequestOptions) =>
  (error: unknown): never => {
    throw roles.includes('token') && signal?.aborted ? signal.reason : error
  }

/** The members of a subject, for one lock. */
export function membersFor(
  lock: unknown,
  plans: { read?: Plan; write: Plan }
): Partial<Pick<Subject, 'acquire' | 'run' | 'tryAcquire'>> {
  let count = 0
  const planFor = ({ mode }: RequestOptions) => (mode === 'read' && plans.read) || plans.write
  const ways: { -readonly [K in 'acquire' | 'run' | 'tryAcquire']?: Subject[K] } = {}

  /** The grant's own release, or the one of the lock. */
  const give = (plan: Plan, value: unknown, args: Args): Release => {
    const own = plan.acquire?.grant === 'pair' ? undefined : releaseOf(value, lock)
    if (own) return own
    const { release } = plan
    if (!release) return releaseOf(value, lock) ?? (() => undefined)
    const grant = value === true || value === lock ? undefined : value
    return () => invoke(release, lock, { ...args, grant })
  }

  if (plans.write.acquire)
    ways.acquire = (key, options) => {
      const plan = planFor(options)
      const acquire = plan.acquire!
      const args: Args = { key, options, owner: `owner ${++count}` }
      if (acquire.callback) return byCallback(acquire, args, given => give(plan, given, args))
      const asked = attempt(() => invoke(acquire, lock, args))
      if (acquire.grant === 'ticket') {
        const ticket = ticketOf(asked)
        if (ticket) return Promise.resolve(ticket.granted).then(() => ticket.giveBack)
      }
      return Promise.resolve(asked).then(
        value => {
          // It was asked to wait for so long, or until a signal: this is its way to say that it did not get the lock.
          const isRefusal =
            value === false || value === null || (value === undefined && acquire.grant !== 'pair') || saysNo(value)
          if (isRefusal) throw refused()
          return give(plan, value, args)
        },
        reasonFor(acquire, options)
      )
    }

  const byCallback = (way: AcquireShape, args: Args, give: (given: unknown) => Release) =>
    new Promise<Release>((resolve, reject) => {
      const task = (...given: unknown[]) => {
        resolve(give(given.find(value => releaseOf(value, lock) !== undefined)))
        if (args.options?.throws !== undefined) throw args.options.throws
      }
      const asked = attempt(() => invoke(way, lock, { ...args, task }))
      if (isThenable(asked)) asked.then(undefined, reject)
    })

  if (plans.write.run)
    ways.run = (key, task, options) => {
      const run = planFor(options).run!
      let ended: PromiseLike<unknown> | undefined
      let tell: (result: PromiseLike<unknown>) => void = () => undefined
      const note = (result: unknown) => {
        ended = Promise.resolve(result)
        tell(ended)
        return ended
      }
      let isStarted = false
      const wrapped = (...given: unknown[]) => {
        isStarted = true
        try {
          const result = task(...given)
          note(result)
          return result
        } catch (error) {
          if (!run.tells) note(Promise.reject(error)).then(undefined, () => {})
          throw error
        }
      }
      const value = attempt(() =>
        start(run, lock, { key, options, owner: `owner ${++count}`, task: wrapped }, run.wraps)
      )
      if (isThenable(value) && run.roles.includes('token')) {
        const cancelled = reasonFor(run, options)
        return value.then(undefined, error => (isStarted ? Promise.reject(error) : cancelled(error)))
      }
      if (run.tells || (isThenable(value) && !run.tellsEarly)) return Promise.resolve(value)
      // It only starts tasks: the task itself tells when it has ended.
      return (
        ended ??
        new Promise((resolve, reject) => {
          tell = resolve
          if (isThenable(value)) value.then(undefined, error => isStarted || reject(error))
        })
      )
    }

  if (plans.write.tryAcquire)
    ways.tryAcquire = (key, options) => {
      const plan = planFor(options)
      if (!plan.tryAcquire) return undefined
      const args: Args = { key, options, owner: `owner ${++count}` }
      const accept = (value: unknown) => (value ? give(plan, value, args) : undefined)
      const value = invoke(plan.tryAcquire, lock, args)
      return isThenable(value) ? value.then(accept) : accept(value)
    }
  return ways
}

/** What a call gives; what it throws becomes a rejection. */
export function attempt(call: () => unknown): unknown {
  try {
    return call()
  } catch (error) {
    return Promise.reject(error)
  }
}
