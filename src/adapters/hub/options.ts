// The options of a hub, checked and complete.

import { check, has, isRecord } from './checks.js'
import type { ConnectOptions, ToolHubOptions, ToolSource } from './types.js'

export function checked<S extends ToolSource>(options: ToolHubOptions<S>) {
  check(isRecord(options), 'options', 'an object', options)
  const { naming = 'prefix', registrar, observer, onConflict = 'refuse', onMalformed = 'refuse', onChange } = options
  const { changeDelay = 0, replaceWait = 10_000 } = options
  const rule = naming === 'prefix' || naming === 'plain' || typeof naming === 'function'
  check(rule, 'options.naming', "'prefix', 'plain' or a function", naming)
  const fits = registrar === undefined || has(registrar, 'register')
  check(fits, 'options.registrar', 'an object with a method register', registrar)
  check(observer === undefined || isRecord(observer), 'options.observer', 'a LockObserver', observer)
  const resolves = onConflict === 'refuse' || onConflict === 'skip' || typeof onConflict === 'function'
  check(resolves, 'options.onConflict', "'refuse', 'skip' or a function", onConflict)
  check(onMalformed === 'refuse' || onMalformed === 'skip', 'options.onMalformed', "'refuse' or 'skip'", onMalformed)
  check(onChange === undefined || typeof onChange === 'function', 'options.onChange', 'a function', onChange)
  for (const [name, ms] of Object.entries({ changeDelay, replaceWait }))
    check(typeof ms === 'number' && ms >= 0, `options.${name}`, 'a number of ms >= 0', ms)
  return { naming, registrar, observer, onConflict, onMalformed, onChange, changeDelay, replaceWait }
}

export function timeoutOf(options: ConnectOptions | undefined): number | undefined {
  const timeout = options?.timeout
  const fits = timeout === undefined || (typeof timeout === 'number' && timeout > 0)
  check(fits, 'options.timeout', 'a number of ms > 0', timeout)
  return timeout
}
