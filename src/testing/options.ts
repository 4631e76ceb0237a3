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
    const setsTimer = async (value: unknown) => {
      const session = await hold()
      const { set } = await watchTimer(ODD_MS, call(session.lock, value))
      await session.end()
      return set
    }
    /** Whether the time limits the holding, and not the waiting: another caller is let in when it is over. */
    const limitsHolding = async (value: unknown) => {
      const session = open()
      const plain = { ...way, roles: way.roles.map(role => (role === 'task' || role === 'key' ? role : 'nothing')) }
      const ask = () => invoke(plain, session.lock, { key: 'a', task: stays, owner: 'c' })
      const stays = () => new Promise(() => {})
      const first = await watchTimer(ODD_MS, () =>
        invoke({ ...way, roles: [...way.roles.slice(0, i), 'grant'] }, session.lock, {
          key: 'a',
          owner: 'b',
          task: stays,
          grant: value
        })
      )
      let isIn = false
      const task = () => {
        isIn = true
      }
      const other = way.roles.includes('task')
        ? new Call(() => invoke(plain, session.lock, { key: 'a', owner: 'c', task }))
        : new Call(ask)
      await other.settle(BRIEF)
      const before = isIn || (!way.roles.includes('task') && other.outcome.state === 'resolved')
      first.fire()
      await other.settle(BRIEF)
      const after = isIn || (!way.roles.includes('task') && other.outcome.state === 'resolved')
      await session.end()
      return first.set && !before && after
    }
    if (role === 'signal' || role === 'permits') {
      way.roles[i] = role
      if (role !== 'signal') continue
    }
    if (role === 'timeout') {
      if (!(await limitsHolding(ODD_MS))) way.roles[i] = role
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
    if (found.timeout && (await limitsHolding({ [found.timeout]: ODD_MS }))) delete found.timeout
    if (found.signal || found.timeout || found.permits) {
      way.roles[i] = 'options'
      Object.assign(way.fields, found)
    } else if ([...read].some(name => /^(aborted|addEventListener|throwIfAborted)$/.test(name))) way.roles[i] = 'signal'
    // One that is only looked at now and then, without a call when it happens, ends no wait.
    else if (read.has('onCancellationRequested')) way.roles[i] = 'token'
    else if (role === 'unknown') {
      if ((await setsTimer(ODD_MS)) && !(await limitsHolding(ODD_MS))) way.roles[i] = 'timeout'
    }
  }
  way.roles.forEach((role, i) => {
    if (((role === 'signal' || role === 'token') && signal === false) || (role === 'timeout' && timeout === false))
      way.roles[i] = 'nothing'
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
