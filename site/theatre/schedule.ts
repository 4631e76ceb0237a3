// What happens on the stage: a lock, some clients, and one step after another. A schedule is plain data. Its text goes
// into the address of the page, so that what one visitor sees can be sent to another.

export const LOCKS = {
  mutex: { title: 'Mutex', own: true, note: 'latchkey: one holder at a time' },
  keyed: { title: 'KeyedMutex', own: true, note: 'latchkey: one holder for each key' },
  semaphore: { title: 'Semaphore', own: true, note: 'latchkey: as many as there are permits' },
  rw: { title: 'ReadWriteLock', own: true, note: 'latchkey: many readers or one writer' },
  buggy: {
    title: 'Buggy mutex',
    own: false,
    note: 'by hand: release() calls the next one, and forgets to free the lock'
  },
  repaired: { title: 'Repaired mutex', own: false, note: 'by hand: it hands over, and does not ask who releases' },
  chain: { title: 'Promise chain', own: false, note: 'by hand: each client waits for the one before' },
  'readers-first': { title: 'Readers first', own: false, note: 'by hand: a reader may enter while another one reads' }
} as const

export type LockName = keyof typeof LOCKS

export const VERBS = ['acquire', 'read', 'write', 'work', 'release', 'again', 'abort', 'timeout'] as const
export type Verb = (typeof VERBS)[number]

export interface Step {
  /** The name of the client: a letter. */
  readonly client: string
  readonly verb: Verb
  /** With `acquire`: the keys of a `KeyedMutex`, `a+b`; how many permits of a `Semaphore`. */
  readonly what?: string
}

export interface Schedule {
  readonly lock: LockName
  /** A second lock that gets the same steps at the same time. */
  readonly beside?: LockName
  /** The permits of a `Semaphore`. */
  readonly size: number
  readonly clients: number
  readonly steps: readonly Step[]
}

export const MOST_CLIENTS = 8
export const MOST_STEPS = 200
export const MOST_PERMITS = 9

const NAMES = 'ABCDEFGH'
export const namesOf = (clients: number): string[] => [...NAMES.slice(0, clients)]

const FAMILIES: readonly (readonly LockName[])[] = [
  ['mutex', 'buggy', 'repaired', 'chain'],
  ['rw', 'readers-first']
]

/** The other locks that understand the same steps. */
export const comparable = (lock: LockName): LockName[] =>
  (FAMILIES.find(family => family.includes(lock)) ?? []).filter(name => name !== lock)

/** How a client asks for a lock: the verbs, and what may stand behind `acquire`. */
export function waysToAsk({ lock, size }: Pick<Schedule, 'lock' | 'size'>): Pick<Step, 'verb' | 'what'>[] {
  if (lock === 'rw' || lock === 'readers-first') return [{ verb: 'read' }, { verb: 'write' }]
  if (lock === 'keyed') return ['a', 'b', 'a+b'].map(what => ({ verb: 'acquire', what }))
  if (lock !== 'semaphore') return [{ verb: 'acquire' }]
  return Array.from({ length: Math.min(size, 3) }, (_, i) => ({ verb: 'acquire', what: `${i + 1}` }))
}

/** Whether a step of this kind can be in the schedule at all. Whether it can happen now is for the run to say. */
export function isStepOf(schedule: Pick<Schedule, 'lock' | 'size' | 'clients'>, { client, verb, what }: Step): boolean {
  if (!namesOf(schedule.clients).includes(client)) return false
  if (verb === 'work' || verb === 'release' || verb === 'again' || verb === 'abort' || verb === 'timeout') {
    return what === undefined
  }
  if (schedule.lock === 'semaphore')
    return verb === 'acquire' && /^[1-9]$/.test(what ?? '') && Number(what) <= schedule.size
  if (schedule.lock === 'keyed') return verb === 'acquire' && /^[a-z](\+[a-z])*$/.test(what ?? '')
  return what === undefined && waysToAsk(schedule).some(way => way.verb === verb)
}

export const writeStep = ({ client, verb, what }: Step): string => `${client}.${verb}${what ? `:${what}` : ''}`

/** The text of a schedule, as it stands behind the `#` of an address: `lock=mutex&clients=2&steps=A.acquire,B.acquire`. */
export function writeSchedule({ lock, beside, size, clients, steps }: Schedule, at = steps.length): string {
  const parts = [`lock=${lock}`]
  if (beside !== undefined) parts.push(`beside=${beside}`)
  if (lock === 'semaphore') parts.push(`size=${size}`)
  parts.push(`clients=${clients}`)
  if (steps.length > 0) parts.push(`steps=${steps.map(writeStep).join(',')}`)
  if (at < steps.length) parts.push(`at=${at}`)
  return parts.join('&')
}

/** Reads what `writeSchedule` wrote. It comes from the address, so from anywhere: what is no schedule is `undefined`. */
export function readSchedule(text: string): { schedule: Schedule; at: number } | undefined {
  const parts = new Map(
    text
      .replace(/^#/, '')
      .split('&')
      .map(part => part.split('=', 2) as [string, string])
  )
  const lock = parts.get('lock') as LockName
  if (!Object.hasOwn(LOCKS, lock)) return undefined
  const beside = parts.get('beside') as LockName | undefined
  if (beside !== undefined && !comparable(lock).includes(beside)) return undefined
  const size = whole(parts.get('size') ?? '2', 1, MOST_PERMITS)
  const clients = whole(parts.get('clients') ?? '3', 1, MOST_CLIENTS)
  if (size === undefined || clients === undefined) return undefined
  const steps = readSteps(parts.get('steps') ?? '')
  if (steps === undefined || steps.length > MOST_STEPS) return undefined
  if (!steps.every(step => isStepOf({ lock, size, clients }, step))) return undefined
  const at = whole(parts.get('at') ?? `${steps.length}`, 0, steps.length)
  return at === undefined ? undefined : { schedule: { lock, ...(beside && { beside }), size, clients, steps }, at }
}

export function readSteps(text: string): Step[] | undefined {
  const steps = text === '' ? [] : decode(text).split(',').map(readStep)
  return steps.includes(undefined) ? undefined : (steps as Step[])
}

function readStep(text: string): Step | undefined {
  const [, client, verb, what] = /^([A-H])\.([a-z]+)(?::([a-z0-9+]+))?$/.exec(text) ?? []
  if (client === undefined || !VERBS.includes(verb as Verb)) return undefined
  return { client, verb: verb as Verb, ...(what !== undefined && { what }) }
}

/** Some programs escape the `+` and the `:` of an address that is pasted into them. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function whole(text: string, least: number, most: number): number | undefined {
  const value = Number(text)
  return /^\d+$/.test(text) && value >= least && value <= most ? value : undefined
}
