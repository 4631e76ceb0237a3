// What the guarantees say of a world: what should have happened by now and has not, and what should not be there.

import { textOf } from './wording.js'
import { type Fault, fault, type WorldState } from './world-state.js'

/** An error that no caller could handle. */
export function unhandledError(world: WorldState): Fault | undefined {
  const { exceptions, rejections, last } = world.environment.unhandled
  if (exceptions > world.unhandledBefore.exceptions)
    return fault('uncaught', `an error is thrown where no caller can catch it (${textOf(last)}), which ends a process`)
  if (world.environment.awaitsRejections && rejections > world.unhandledBefore.rejections)
    return fault('unhandled', `a promise rejects that no caller can handle (${textOf(last)}), which ends a process`)
  return undefined
}

/** What should have happened by now and has not. */
export function missing(world: WorldState): Fault | undefined {
  for (const request of world.queue)
    if (request.abandoned) {
      const text = `${world.nameFor(request)} has left the queue (${request.abandoned}) and is still kept waiting`
      return fault('pending', text, [request, 'idle'])
    }
  for (const request of world.trying)
    return fault('progress', `${world.nameFor(request)} tries, and is never answered`, [request, 'idle'])
  for (const request of world.queue)
    if (world.before(request).length === 0 && world.fits(request)) {
      const text = world.closed
        ? `${world.nameFor(request)} asks a closed lock, and is never answered`
        : `${world.nameFor(request)} waits forever, though the lock is free`
      return fault('progress', text, [request, world.closed ? 'idle' : 'holding'])
    }
  for (const request of world.unreported)
    return fault('result', `the task of ${world.nameFor(request)} has ended, and its caller is never told`)
  return undefined
}

/** What should not be there any more. */
export function leftBehind(world: WorldState): Fault | undefined {
  const { ignored, clock } = world.environment
  const { subject } = world
  if (subject.waiting) {
    const alike = subject.waiting() === world.queue.length
    if (world.countsAlike !== false && !alike && world.marks.has('left') && !ignored.has('ghost')) {
      const text = `the lock says that ${subject.waiting()} wait, and it is ${world.queue.length}: a ghost is left`
      return fault('ghost', text)
    }
    if (!world.marks.has('left')) world.countsAlike = world.countsAlike !== false && alike
  }
  if (!ignored.has('listener'))
    for (const { watched, request } of world.signals)
      if (request.state === 'done' && watched.listeners > 0)
        return fault('listener', `${world.nameFor(request)} is done, and something still listens to its signal`)
  const overtaken = world.overtaken.find(({ other }) => other.state === 'waiting' && !other.abandoned)
  world.overtaken = []
  if (overtaken && !ignored.has('order')) {
    const { by, other } = overtaken
    return fault('order', `${world.nameFor(by)} is let in before ${world.nameFor(other)}, who came first`, [
      other,
      'holding'
    ])
  }
  const idle = world.queue.length + world.holders.length === 0
  if (idle && clock.pending > 0 && !ignored.has('timer') && world.marks.has('timed'))
    return fault('timer', 'every caller is done, and the timer of a waiter still runs')
  return undefined
}
