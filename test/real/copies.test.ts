// Two copies of the package in one process: the ESM build and the CommonJS build, as they are published.

import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { describe, expect, test } from 'vitest'
import { flush, watch } from '../fixtures/settle.js'

type Package = typeof import('latchkey')
type Context = typeof import('latchkey/context')
type Monitor = typeof import('latchkey/monitor')

const dist = new URL('../../dist/', import.meta.url)
const isBuilt = existsSync(new URL('esm/index.js', dist)) && existsSync(new URL('cjs/index.js', dist))
const require = createRequire(import.meta.url)

async function copies() {
  const esm = {
    core: (await import(new URL('esm/index.js', dist).href)) as Package,
    context: (await import(new URL('esm/context/index.js', dist).href)) as Context,
    monitor: (await import(new URL('esm/monitor/index.js', dist).href)) as Monitor
  }
  const path = (name: string) => new URL(`cjs/${name}`, dist).pathname
  const cjs = {
    core: require(path('index.js')) as Package,
    context: require(path('context/index.js')) as Context,
    monitor: require(path('monitor/index.js')) as Monitor
  }
  return [
    { what: 'ESM over CommonJS', ours: esm, theirs: cjs },
    { what: 'CommonJS over ESM', ours: cjs, theirs: esm }
  ]
}

// They need the build: npm run build.
describe.runIf(isBuilt)('a lock of the other copy', async () => {
  describe.each(isBuilt ? await copies() : [])('$what', ({ ours, theirs }) => {
    test('the copies are two', () => {
      expect(ours.core.Mutex).not.toBe(theirs.core.Mutex)
    })

    test('a condition over its mutex', async () => {
      const mutex = new theirs.core.Mutex({ name: 'theirs' })
      const condition = new ours.core.Condition(mutex)
      const lock = await mutex.acquire()
      const waiting = watch(condition.wait(lock))
      expect(lock.held).toBe(false)
      await mutex.runExclusive(() => condition.notifyAll())
      await flush()
      expect([waiting.state, lock.held, mutex.locked]).toEqual(['resolved', true, true])
      await condition.waitFor(lock, () => true)
      const controller = new AbortController()
      const left = watch(condition.wait(lock, { signal: controller.signal }))
      controller.abort('given up')
      await flush()
      expect([left.reason, lock.held]).toEqual(['given up', true])
      lock.release()
      expect(mutex.locked).toBe(false)
    })

    test('a deadlock detector watches its locks', async () => {
      const { core, context } = { core: theirs.core, context: ours.context }
      const detector = context.detectDeadlocks()
      const mutex = detector.watch(new core.Mutex({ name: 'theirs' }))
      await expect(mutex.runExclusive(() => mutex.runExclusive(() => {}))).rejects.toMatchObject({
        code: 'ERR_DEADLOCK'
      })
      const keyed = detector.watch(new core.KeyedMutex({ name: 'keyed' }))
      await expect(keyed.runExclusive('a', () => keyed.runExclusiveMany(['a', 'b'], () => {}))).rejects.toMatchObject({
        code: 'ERR_DEADLOCK'
      })
      const semaphore = detector.watch(new core.Semaphore(1))
      await expect(semaphore.run(() => semaphore.run(() => {}))).rejects.toMatchObject({ code: 'ERR_DEADLOCK' })
      const readWrite = detector.watch(new core.ReadWriteLock())
      await expect(readWrite.runRead(() => readWrite.runWrite(() => {}))).rejects.toMatchObject({
        code: 'ERR_DEADLOCK'
      })
      expect([mutex.locked, keyed.size, semaphore.available, readWrite.readers]).toEqual([false, 0, 1, 0])
    })

    test('a monitor is told of its locks', async () => {
      const monitor = new ours.monitor.LockMonitor()
      const mutex = new theirs.core.Mutex({ name: 'theirs', observer: monitor })
      const lock = await mutex.acquire()
      const waiting = mutex.runExclusive(() => {})
      expect(monitor.report()).toContain('Mutex "theirs"')
      lock.release()
      await waiting
      expect(monitor.report()).toContain('theirs')
    })
  })
})
