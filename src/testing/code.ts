// How a lock is called, as source code: what a test that shows a fault is written with.

import type { AcquireShape, CallShape, Plan } from './calls.js'
import type { Plans } from './doubts.js'
import { RELEASE_OF_GRANT } from './names.js'

/** The calls of one mode as expressions. In scope: `lock`, `task`, `signal`, `value` (what `acquire` gave) and `who`. */
interface CallCode {
  readonly acquire?: string
  /** Whether `acquire` calls back: it is given `granted`, a function, instead of giving a promise. */
  readonly callback?: boolean
  /** Gives the function that releases, out of `value`. */
  readonly releaser?: string
  readonly run?: string
  /** Whether the call gives a function to be called. */
  readonly wraps?: boolean
  /** Whether `run` gives what its task came to. */
  readonly tells?: boolean
  readonly tryAcquire?: string
}

export interface LockCode {
  readonly write: CallCode
  readonly read?: CallCode
}

export function codeFor({ read, write }: Plans): LockCode {
  const [writing, reading] = [callsOf(write, 'write'), read ? callsOf(read, 'read') : undefined]
  return reading ? { write: writing, read: reading } : { write: writing }
}

function callsOf({ acquire, release, run, tryAcquire }: Plan, mode: 'read' | 'write'): CallCode {
  const call = (shape: CallShape, task: string) => expressionOf(shape, task, mode)
  return {
    ...(acquire ? { acquire: call(acquire, 'granted'), callback: acquire.callback } : {}),
    ...(acquire ? { releaser: releaserOf(acquire, release && call(release, '')) } : {}),
    ...(run ? { run: call(run, 'task'), wraps: run.wraps, tells: run.tells } : {}),
    ...(tryAcquire ? { tryAcquire: call(tryAcquire, '') } : {})
  }
}

const RELEASES = [...RELEASE_OF_GRANT.map(name => `.${name}`), '[Symbol.dispose]', '[Symbol.asyncDispose]']
  .map(member => `value${member}`)
  .join(' ?? ')

const GRANTS: Readonly<Partial<Record<AcquireShape['grant'], string>>> = {
  releaser: 'value',
  tuple: '() => value.find(part => typeof part === "function" || part?.release)?.()',
  handle: `() => (${RELEASES}).call(value)`
}

const releaserOf = ({ grant }: AcquireShape, release: string | undefined): string =>
  grant === 'pair' ? `() => ${release}` : (GRANTS[grant] ?? 'undefined')

const TOKEN =
  'signal && { get isCancellationRequested() { return signal.aborted }, onCancellationRequested(listener) { ' +
  "signal.addEventListener('abort', listener); return { dispose: () => signal.removeEventListener('abort', listener) } } }"

function expressionOf(
  { member, roles, fields, objectKeys, modes }: CallShape,
  task: string,
  mode: 'read' | 'write'
): string {
  const key = objectKeys ? 'keys[key]' : 'key'
  const path = member.name.includes('(key)') ? member.name.replace('(key)', `(${key})`) : member.name
  const given = (member.name.includes('(key)') ? roles.slice(1) : roles).map(role => {
    switch (role) {
      case 'key':
        return key
      case 'task':
        return task
      case 'owner':
        return 'who'
      case 'grant':
        return 'value'
      case 'signal':
        return 'signal'
      case 'token':
        return TOKEN
      case 'mode':
        return JSON.stringify(modes?.[mode])
      case 'options':
        return fields.signal === undefined ? 'undefined' : `{ ${fields.signal}: signal }`
      default:
        return 'undefined'
    }
  })
  while (given.at(-1) === 'undefined') given.pop()
  return `lock${member.isItself ? '' : `.${path}`}(${given.join(', ')})`
}
