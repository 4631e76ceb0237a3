// What the parameters of a call are for that are neither key nor task: their names say, or what is read from them.

import { type CallShape, invoke, type OptionNames } from './calls.js'
import type { Hints } from './hints.js'
import { isTimeoutName, roleOf } from './names.js'
import { BRIEF, Call, recorder, watchTimer } from './probe.js'
import type { Session } from './session.js'
import type { Parameter } from './signature.js'

/** A timeout that no lock sets by itself, in ms. */
const ODD_MS = 54_321

/**
 * Finds out where a signal, a timeout and a number of permits go.
 *
 * @param open gives a free lock. @param hold gives one that is held.
 */
export async function learnOptions(
  way: CallShape,
  hints: Hints,
  open: () => Session,
  hold: () => Promise<Session>
): Promise<void> {
  const { signal, timeout } = hints
  for (const [i, { name, fields, rest }] of way.member.parameters.entries()) {
    if (way.roles[i] !== 'nothing' || rest) continue
    const role = fields.length > 0 ? 'options' : roleOf(name)
    const call = (lock: unknown, value: unknown) => () =>
      invoke({ ...way, roles: [...way.roles.slice(0, i), 'grant'] }, lock, {
        key: 'a',
        owner: 'b',
        task: () => undefined,
        grant: value
      })
    const timer = async (session: Session, value: unknown) => {
      const seen = await watchTimer(ODD_MS, call(session.lock, value))
      await session.end()
      return seen
    }
    if (role === 'signal' || role === 'permits') {
      way.roles[i] = role
      if (role !== 'signal') continue
    }
    if (role === 'timeout') {
      // One that runs on after the lock was granted does not limit the waiting.
      if (!(await timer(open(), ODD_MS)).left) way.roles[i] = role
      continue
    }
    if (role === 'priority' || role === 'mode') continue
    const { object, read } = recorder()
    for (const session of [open(), await hold()]) {
      await new Call(call(session.lock, object)).settle(BRIEF)
      await session.end()
    }
    if (role === 'signal') continue
    for (const field of fields) read.add(field)
    const found = namesIn([...read])
    if (found.timeout && (await timer(open(), { [found.timeout]: ODD_MS })).left) delete found.timeout
    if (found.signal || found.timeout || found.permits) {
      way.roles[i] = 'options'
      Object.assign(way.fields, found)
    } else if ([...read].some(name => /^(aborted|addEventListener|throwIfAborted)$/.test(name))) way.roles[i] = 'signal'
    else if (role === 'unknown') {
      const seen = await timer(await hold(), ODD_MS)
      if (seen.set && !(await timer(open(), ODD_MS)).left) way.roles[i] = 'timeout'
    }
  }
  way.roles.forEach((role, i) => {
    if ((role === 'signal' && signal === false) || (role === 'timeout' && timeout === false)) way.roles[i] = 'nothing'
  })
  if (signal === false) delete way.fields.signal
  if (timeout === false) delete way.fields.timeout
}

function namesIn(read: readonly Parameter['name'][]): OptionNames {
  const found: OptionNames = {}
  const named = (key: keyof OptionNames, is: (name: string) => boolean) => {
    const name = read.find(is)
    if (name !== undefined) found[key] = name
  }
  named('signal', name => /^(abort)?signal$/i.test(name))
  named('timeout', isTimeoutName)
  named('permits', name => roleOf(name) === 'permits' && name.length > 1)
  return found
}
