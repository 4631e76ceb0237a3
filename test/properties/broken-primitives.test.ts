// The properties notice what they are there for: each primitive with a fault is refused, for the reason that it should be.

import { expect, test } from 'vitest'
import * as broken from '../fixtures/broken-primitives.js'
import { conditionPlay } from '../primitives/condition.model.js'
import { crowdPlay } from '../primitives/crowd.model.js'
import { lazyPlay, singleFlightPlay } from '../primitives/flights.model.js'
import { semaphorePlay } from '../primitives/semaphore.model.js'
import { fakeClock, faultOf, type Play, type Playable } from './harness.js'
import { keyedPlay, mutexPlay } from './steps.js'

fakeClock()

const finds =
  <S extends Playable, W>(play: Play<S, W>) =>
  () =>
    faultOf(play, 1000)

test.each<[fault: string, find: () => Promise<string | undefined>, said: RegExp]>([
  ['a task runs in the context of another', finds(mutexPlay(o => new broken.OthersContext(o))), /another's context/],
  [
    'an abort is given another reason',
    finds(mutexPlay(o => new broken.OtherReason(o))),
    /rejected with Error: aborted/
  ],
  [
    'a task starts whose signal has aborted',
    finds(mutexPlay(o => new broken.DeafToAborts(o))),
    /should be rejected, is undefined/
  ],
  ['a second release frees the lock of another', finds(mutexPlay(o => new broken.ReleasedTwice(o))), /held: is false/],
  ['a timeout ends the holding', finds(mutexPlay(o => new broken.EndsHolding(o))), /timers run|held: is false/],
  [
    'priorities count for nothing',
    finds(mutexPlay(o => new broken.AllEqual(o))),
    /order|has not got the lock|is .*, not/
  ],
  [
    'many keys are taken one after another',
    finds(keyedPlay('many', o => new broken.OneAfterAnother(o))),
    /the lock: is|waiting: is/
  ],
  ['a key is kept when it is free', finds(keyedPlay('one', o => new broken.KeepsKeys(o))), /the lock: is "?'?\d keys/],
  ['a small request overtakes', finds(semaphorePlay((n, o) => new broken.SmallFirst(n, o))), /granted/],
  ['of many permits one comes back', finds(semaphorePlay((n, o) => new broken.DropsPermits(n, o))), /available: is/],
  [
    'a wait that rejects has lost the mutex',
    finds(conditionPlay((m, o) => new broken.LosesTheMutex(m, o))),
    /the mutex is free|holds/
  ],
  ['a notification wakes one too many', finds(conditionPlay((m, o) => new broken.WakesTooMany(m, o))), /waiting: is/],
  ['waitFor looks only once', finds(conditionPlay((m, o) => new broken.LooksOnce(m, o))), /how the wait of #/],
  ['a timeout starts again', finds(conditionPlay((m, o) => new broken.StartsAnew(m, o))), /how the wait of #.*code/],
  ['a gate shuts by itself', finds(crowdPlay('gate', { gate: o => new broken.ShutsBehind(o) })), /inspect: is.*shut/],
  [
    'a latch opens too early',
    finds(crowdPlay('latch', { latch: (n, o) => new broken.OneTooEarly(n, o) })),
    /inspect: is/
  ],
  ['all have one place', finds(crowdPlay('barrier', { barrier: (n, o) => new broken.SamePlace(n, o) })), /became of/],
  [
    'a task has the signal of its first caller',
    finds(singleFlightPlay(o => new broken.FirstCallersSignal(o))),
    /aborted #/
  ],
  ['a failure stays', finds(lazyPlay((f, o) => new broken.KeepsFailures(f, o))), /waiting: is|became of/]
])('%s', async (_, find, said) => {
  const found = await find()
  expect(found).toBeDefined()
  expect(found).toMatch(said)
})
