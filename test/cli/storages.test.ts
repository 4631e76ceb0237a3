// The storages of the locks that were examined are let go of, and not those that are in use.

import { AsyncLocalStorage } from 'node:async_hooks'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { boundStorages } from '../../src/cli/storages.js'

let stop = () => {}
beforeEach(() => {
  stop = boundStorages(2)
})
afterEach(() => stop())

const use = (storage: AsyncLocalStorage<string>) => storage.run('used', () => storage.getStore())

/** Whether it still knows what was stored before `then` was called. */
function survives(storage: AsyncLocalStorage<string>, then: () => void): boolean {
  return storage.run('kept', () => {
    then()
    return storage.getStore() === 'kept'
  })
}

test('a storage is disabled when others were used since', () => {
  const [first, second, third] = Array.from({ length: 3 }, () => new AsyncLocalStorage<string>())
  expect(survives(first!, () => use(second!))).toBe(true)
  expect(survives(first!, () => [use(second!), use(third!)])).toBe(false)
})

test('one that is used again and again is kept, and a disabled one works again', () => {
  const module = new AsyncLocalStorage<string>()
  for (let i = 0; i < 10; i++) {
    const own = new AsyncLocalStorage<string>()
    expect(survives(module, () => use(own))).toBe(true)
  }
  const old = new AsyncLocalStorage<string>()
  use(old)
  use(module)
  use(new AsyncLocalStorage())
  expect(use(old)).toBe('used')
})

test('entered ones count as well, and what was replaced is given back', () => {
  const [first, second, third] = Array.from({ length: 3 }, () => new AsyncLocalStorage<string>())
  const enter = (storage: AsyncLocalStorage<string>) => storage.run('', () => storage.enterWith('entered'))
  expect(survives(first!, () => [enter(second!), enter(third!)])).toBe(false)
  stop()
  expect(survives(first!, () => [enter(second!), enter(third!), use(second!)])).toBe(true)
})
