// The steps a session may take. What a failing run prints is the list of those that are left after shrinking, and after it
// the session's own log, which says what each one came to.
//
// fast-check's model runs await every command, so that none would ever share a tick with another: here only `flush` waits.

import fc from 'fast-check'
import type { TaskKind } from './model.js'
import { LONGEST_TIMER, REASONS, type Session } from './session.js'

export interface Step {
  act(session: Session): void | Promise<void>
  toString(): string
}

/** @param act returns a promise only if it lets microtasks run */
function step<Args extends readonly unknown[]>(
  name: string,
  args: { [I in keyof Args]: fc.Arbitrary<Args[I]> },
  act: (session: Session, ...args: Args) => void | Promise<void>
): fc.Arbitrary<Step> {
  const made = fc.tuple(...args) as unknown as fc.Arbitrary<Args>
  return made.map(args => ({
    act: session => act(session, ...args),
    toString: () => `${name}(${args.map(arg => fc.stringify(arg)).join(', ')})`
  }))
}

export async function take(steps: readonly Step[], session: Session): Promise<void> {
  for (const step of steps) {
    const flushed = step.act(session)
    if (flushed) await flushed
    session.check()
  }
  await session.finishAll()
}

const pick = fc.nat(11)
/** Left out one time in so many. */
const maybe = <T>(arb: fc.Arbitrary<T>, freq = 2) => fc.option(arb, { nil: undefined, freq })
const reason = maybe(fc.record({ value: fc.constantFrom(...REASONS) }))

const timeout = fc.constantFrom(0, 1, 5, 10, LONGEST_TIMER, Number.POSITIVE_INFINITY)
const moment = fc.constantFrom(1, 4, 5, 10, LONGEST_TIMER)
const priority = fc.constantFrom(0, 1, -1, 2, 0.5)
const task = fc.constantFrom<TaskKind>('value', 'throw', 'async', 'thenable', 'early')

/** @param keys what one request asks for: its keys, and whether through the methods that take many */
export function steps(keys: fc.Arbitrary<{ keys: readonly unknown[]; many: boolean }>): fc.Arbitrary<Step[]> {
  const ask = fc
    .record({
      of: keys,
      priority: maybe(priority),
      timeout: maybe(timeout),
      signal: maybe(pick),
      task: maybe(task, 3)
    })
    .map(({ of, ...rest }) => ({ ...of, ...rest }))
  const released = maybe(fc.record({ pick, when: fc.constantFrom('before', 'first', 'last') }))

  const acquiring = step('ask', [ask], (session, ask) => session.ask(ask))
  const releasing = step('release', [pick, fc.constant(false), fc.boolean()], (session, ...args) =>
    session.release(...args)
  )
  const finishing = step('finish', [pick, fc.constantFrom('resolved', 'rejected')], (session, ...args) =>
    session.finish(...args)
  )
  const flushing = step('flush', [], session => session.flush())
  const trying = step('tryAcquire', [keys], (session, { keys, many }) => session.tryAcquire(keys, many))
  const releasingAgain = step('releaseAgain', [pick, fc.constant(true), fc.boolean()], (session, ...args) =>
    session.release(...args)
  )
  const aborting = step('abort', [pick, fc.constantFrom(...REASONS), released], (session, ...args) =>
    session.abort(...args)
  )
  const passing = step('advance', [moment], (session, ms) => session.advance(ms))
  const wishing = step('whenFree', [maybe(pick), maybe(timeout)], (session, ...args) => session.whenFree(...args))
  const cancelling = step('cancelWaiters', [reason], (session, reason) => session.cancelWaiters(reason))
  const closing = step('close', [reason], (session, reason) => session.close(reason))

  const any = fc.oneof(
    { weight: 30, arbitrary: acquiring },
    { weight: 15, arbitrary: releasing },
    { weight: 10, arbitrary: finishing },
    { weight: 15, arbitrary: flushing },
    { weight: 5, arbitrary: trying },
    { weight: 5, arbitrary: releasingAgain },
    { weight: 5, arbitrary: aborting },
    { weight: 5, arbitrary: passing },
    { weight: 5, arbitrary: wishing },
    { weight: 3, arbitrary: cancelling },
    { weight: 1, arbitrary: closing }
  )
  return fc.array(any, { maxLength: 60, size: 'max' })
}
