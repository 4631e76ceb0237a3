// The shape of a lock in words, and what became of a trial.

import type { CallShape, Grant, Plan } from './calls.js'
import type { Member } from './members.js'
import { type Call, PATIENT } from './probe.js'
import type { Subject } from './subject.js'

const GRANTS: Readonly<Record<Grant, string>> = {
  releaser: 'releaser function',
  handle: 'object that releases',
  tuple: '[value, releaser]',
  ticket: 'object with a promise and a release',
  pair: ''
}

export function shapeOf(plans: { read?: Plan; write: Plan }, kind: Subject['kind'], keyed: boolean): string {
  const ways = plans.read ? `${wordsFor(plans.read)}; ${wordsFor(plans.write)}` : wordsFor(plans.write)
  return `${keyed ? 'keyed ' : ''}${kind}: ${ways}`
}

function wordsFor({ acquire, release, run, tryAcquire, hasTokens }: Plan): string {
  const calls: string[] = []
  if (acquire?.callback) calls.push(callOf(acquire, acquire.grant === 'pair' ? '() => …' : 'release => …'))
  else if (acquire) {
    const gives = hasTokens && release?.roles.includes('grant') ? 'token' : GRANTS[acquire.grant]
    calls.push(callOf(acquire) + (gives ? ` → ${gives}` : ''))
  }
  if (release) calls.push(callOf(release))
  if (run) calls.push(callOf(run))
  if (tryAcquire) calls.push(callOf(tryAcquire))
  return calls.join(', ')
}

function callOf({ member, roles, fields }: CallShape, task = 'task'): string {
  const args = roles.slice(member.name.includes('(key).') ? 1 : 0).map(slot => {
    if (slot === 'task') return task
    if (slot === 'options') return `{ ${Object.values(fields).join(', ')} }`
    if (slot === 'grant') return 'token'
    if (slot === 'token') return 'cancellation token'
    return slot === 'nothing' ? '' : slot
  })
  while (args.at(-1) === '') args.pop()
  return `${nameOf(member)}(${args.map(text => text || '_').join(', ')})`
}

export const nameOf = (member: Member): string => member.name || 'lock'

export const signatureOf = (member: Member): string =>
  `${nameOf(member)}(${member.parameters.map(({ name, fields }) => (fields.length > 0 ? `{ ${fields.join(', ')} }` : name || '…')).join(', ')})`

export function describeOutcome(outcome: Call['outcome']): string {
  switch (outcome.state) {
    case 'pending':
      return `did not settle within ${PATIENT} ms on a fresh lock`
    case 'threw':
    case 'rejected':
      return `${outcome.state === 'threw' ? 'threw' : 'rejected with'} ${show(outcome.reason)}`
    default:
      return `gave ${show(outcome.value)}, which is no grant`
  }
}

export const show = (value: unknown): string =>
  value instanceof Error
    ? `${value.name}: ${value.message}`
    : typeof value === 'string'
      ? JSON.stringify(value)
      : textOf(value)

/** A value as text, of which a lock may have made anything: one without a prototype, or a proxy, has no text. */
export function textOf(value: unknown): string {
  try {
    return `${String(value)}`
  } catch {
    return 'an object'
  }
}

/** A value in a message about an argument: short, and never the content of an object. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'function') return 'a function'
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}

/** Callers in a sentence: `A, B and C`. */
export const list = (names: readonly string[]): string =>
  names.length < 2 ? (names[0] ?? 'no caller') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
