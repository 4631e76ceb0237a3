// Finds out how a lock is used. (A first version, for latchkey's own classes and the plainest of others.)

import type { Ask, GiveBack, Subject } from './subject.js'

/** What the lock cannot tell by itself. */
export interface Hints {
  readonly kind?: Subject['kind']
  readonly keyed?: boolean
  readonly capacity?: number
}

type Method = (...values: unknown[]) => unknown
type Members = Record<string, unknown>

/** Makes a subject of a lock. */
export function recognise(lock: unknown, hints: Hints = {}): Subject {
  const it = lock as Members
  const method = (...names: string[]): Method | undefined => {
    const name = names.find(name => typeof it[name] === 'function')
    return name === undefined ? undefined : (...values) => (it[name] as Method)(...values)
  }
  const isOwn = method('whenFree') !== undefined
  const readWrite = method('acquireRead') !== undefined
  const keyed = hints.keyed ?? method('acquireMany') !== undefined
  const acquire = method('acquire')
  const release = method('release')
  const run = method('runExclusive', 'run', 'withLock')
  const tryAcquire = method('tryAcquire')
  const isSemaphore = typeof it['capacity'] === 'number'
  const kind = hints.kind ?? (readWrite ? 'read-write-lock' : isSemaphore ? 'semaphore' : 'mutex')
  const optionsOf = (ask: Ask) => {
    const { mode: _, ...options } = ask
    return Object.keys(options).length > 0 ? [options] : []
  }
  const withKey = (key: string) => (keyed ? [key] : [])
  const giveBack = (granted: unknown): GiveBack => {
    if (typeof granted === 'function') return granted as GiveBack
    const lock = granted as { release?: Method } | undefined
    if (typeof lock?.release === 'function') return () => lock.release?.()
    if (release) return () => release()
    throw new TypeError('recognise: what acquire grants cannot be released')
  }
  const base = {
    lock,
    shape: acquire ? (release ? 'acquire()/release()' : 'acquire()') : 'run(task)',
    kind,
    keyed,
    capacity: hints.capacity ?? (isSemaphore ? (it['capacity'] as number) : 1),
    takes: { signal: isOwn, timeout: isOwn },
    released: acquire ? (release && !isOwn ? 'anyone' : 'handle') : 'by the task'
  } as const
  const close = method('close')
  const cancelWaiters = method('cancelWaiters')
  const others = {
    ...(close && { close: () => close() }),
    ...(cancelWaiters && { cancelWaiters: () => cancelWaiters() }),
    ...(typeof it['waiting'] === 'number' && { waiting: () => it['waiting'] as number }),
    ...(typeof it['size'] === 'number' && { entries: () => it['size'] as number })
  }
  if (readWrite) {
    const by = (verb: string, ask: Ask) => method(verb + (ask.mode === 'read' ? 'Read' : 'Write')) as Method
    return {
      ...base,
      ...others,
      acquire: (_, ask) => (by('acquire', ask)(...optionsOf(ask)) as Promise<unknown>).then(giveBack),
      tryAcquire: (_, ask) => {
        const lock = by('tryAcquire', ask)()
        return lock === undefined ? undefined : giveBack(lock)
      },
      run: (_, task, ask) => by('run', ask)(task, ...optionsOf(ask)) as Promise<unknown>
    }
  }
  if (!acquire && !run) throw new TypeError('recognise: this is no lock: it has neither acquire nor run')
  return {
    ...base,
    ...others,
    ...(acquire && {
      acquire: (key: string, ask: Ask) =>
        (acquire(...withKey(key), ...optionsOf(ask)) as Promise<unknown>).then(giveBack)
    }),
    ...(tryAcquire && {
      tryAcquire: (key: string, ask: Ask) => {
        const lock = tryAcquire(...withKey(key), ...(ask.permits === undefined ? [] : [ask.permits]))
        return lock === undefined ? undefined : giveBack(lock)
      }
    }),
    ...(run && {
      run: (key: string, task: () => unknown, ask: Ask) =>
        run(...withKey(key), () => task(), ...optionsOf(ask)) as Promise<unknown>
    })
  }
}
