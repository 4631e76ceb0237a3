// Which steps are possible, and which worlds are the same.

import type { Client, Request } from './client.js'
import type { Step } from './steps.js'
import type { Subject } from './subject.js'
import type { WorldState } from './world-state.js'

/** What the clients may do. */
export interface StepSet {
  /** Every way of asking that the lock offers, by each of the clients; and those that are left of a closed lock. */
  readonly asks: readonly (readonly Step[])[]
  readonly asksOfClosed: readonly (readonly Step[])[]
  /** What else a client can do: the same object each time, since so many schedules hold it. */
  readonly acts: Readonly<Record<Act, readonly Step[]>>
  /** Steps that no client takes. */
  readonly events: readonly Step[]
}

type Act = 'abort' | 'finish' | 'fail' | 'release' | 'release again'
const ACTS: readonly Act[] = ['abort', 'finish', 'fail', 'release', 'release again']
const TIME: Step = { does: 'time' }

/** All that can be done with a lock of this shape. */
export function stepSetOf(subject: Subject, clients: number, keys: readonly string[] = ['a']): StepSet {
  const { takes } = subject
  const limits: Step['with'][] = [
    undefined,
    ...(takes.signal ? (['signal', 'aborted signal'] as const) : []),
    ...(takes.timeout ? (['timeout'] as const) : [])
  ]
  const kinds: Partial<Step>[] =
    subject.kind === 'read-write-lock'
      ? [{ mode: 'write' }, { mode: 'read' }]
      : subject.kind === 'semaphore' && subject.capacity > 1
        ? [{}, ...(subject.weighted ? [{ permits: 2 }] : [])]
        : [{}]
  const asks: Omit<Step, 'client'>[] = []
  const add = (does: Step['does'], limit?: Step['with']) => {
    for (const key of keys)
      for (const kind of kinds)
        asks.push({
          does,
          ...kind,
          ...(subject.keyed ? { key } : {}),
          ...(limit === undefined ? {} : { with: limit })
        })
  }
  if (subject.acquire) for (const limit of limits) add('acquire', limit)
  if (subject.tryAcquire) add('try')
  if (subject.run) {
    // How a request ends that did not get its turn is shown by acquire, if there is one: here only what is about tasks.
    for (const limit of subject.acquire ? limits.filter(limit => limit !== 'timeout') : limits) add('run', limit)
    add('run throwing')
  }
  const events: Step[] = []
  if (subject.cancelWaiters) events.push({ does: 'cancel' })
  if (subject.close) events.push({ does: 'close' })
  const ids = Array.from({ length: clients }, (_, id) => id)
  const byClient = (steps: readonly Omit<Step, 'client'>[]) =>
    ids.map(client => steps.map(step => ({ ...step, client })))
  return {
    asks: byClient(asks),
    asksOfClosed: byClient(asks.filter(ask => ask.with === undefined && ask.does !== 'run throwing')),
    acts: Object.fromEntries(
      ACTS.map(does => [does, ids.map(client => ({ does, client }))])
    ) as unknown as StepSet['acts'],
    events
  }
}

/** The steps that are possible now. Of clients that are alike only the first takes one: what they do is the same. */
export function enabledSteps(world: WorldState, { asks, asksOfClosed, acts, events }: StepSet): Step[] {
  const moves: Step[] = []
  const { stale, closed, clients } = world
  const act = (does: Act, client: Client) => {
    moves.push(acts[does][client.id] as Step)
  }
  // Prefer another client to the one that can still use its old release.
  const isIdle = ({ state }: Client) => state === 'idle'
  const asking = clients.find(client => isIdle(client) && client !== stale?.client) ?? clients.find(isIdle)
  if (asking) for (const ask of (closed ? asksOfClosed : asks)[asking.id] as Step[]) moves.push(ask)
  for (const client of clients) {
    const { request, state } = client
    if (request === undefined || state === 'idle') continue
    const signal = request.signal?.signal
    if (signal && !signal.aborted) act('abort', client)
    if (state === 'waiting') continue
    if (request.release) act('release', client)
    if (request.gate) {
      act('finish', client)
      act('fail', client)
    }
  }
  if (stale && isIdle(stale.client)) act('release again', stale.client)
  const held = world.holders.length > 0 && !world.marks.has('time has passed')
  if (held || world.queue.some(({ step }) => step.with === 'timeout')) moves.push(TIME)
  if (!closed) for (const event of events) if (event.does === 'close' || world.queue.length > 0) moves.push(event)
  return moves
}

/**
 * What a lock could tell this world from another by, when everything is quiet: its holders and waiters, how each asked,
 * in which order, and whether a used release is at hand. Clients are interchangeable, so their names are not part of it.
 */
export function stateKey(world: WorldState): string {
  let key = ''
  for (const request of world.holders) {
    const { step, signal, queued } = request
    const limit = step.with === 'timeout' ? 't' : signal ? (signal.signal.aborted ? 'x' : 's') : ''
    key += `${request.isRun ? 'r' : 'h'}${limit}${queued ? 'q' : ''}${kindOf(request)},`
  }
  key += '|'
  for (const request of world.queue) {
    const { does, with: limit } = request.step
    key += `${does === 'acquire' ? 'a' : does === 'run' ? 'r' : 'f'}${limit?.[0] ?? ''}${kindOf(request)},`
  }
  const { stale } = world
  return `${key}|${stale ? `${stale.queued}${stale.key}` : ''}|${world.closed}`
}

function kindOf({ step }: Request): string {
  return `${step.key ?? ''}${step.mode ?? ''}${step.permits ?? ''}`
}
