// Signals as they come: of a polyfill, shared by many calls, or told of an abort that is none.

import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { flush, watch } from '../fixtures/settle.js'
import { everyWait } from './waits.js'

/** As React Native ships it: no `reason`, no `throwIfAborted`. */
class OldSignal extends EventTarget {
  aborted = false
  onabort = null
  abort(): void {
    this.aborted = true
    this.dispatchEvent(new Event('abort'))
  }
}
const oldSignal = () => new OldSignal() as OldSignal & AbortSignal

describe.each(everyWait)('$name', ({ name, make }) => {
  test('rejects with an AbortError where there is no reason', async () => {
    for (const early of [true, false]) {
      const signal = oldSignal()
      if (early) signal.abort()
      const { wait, serve, waiting } = make()
      const seen = watch(wait({ signal }))
      await flush()
      if (!early) (signal as OldSignal).abort()
      await flush()
      expect(seen.state).toBe('rejected')
      expect(seen.reason).toBeInstanceOf(Error)
      expect(seen.reason).toMatchObject({ name: 'AbortError' })
      serve()
      await flush()
      expect(waiting()).toBe(0)
    }
  })

  test.each([null, 0, '', false, 'a text', { an: 'object' }])('keeps the reason %o as it is', async reason => {
    const controller = new AbortController()
    const { wait, serve } = make()
    const seen = watch(wait({ signal: controller.signal }))
    await flush()
    controller.abort(reason)
    await flush()
    expect(seen.state).toBe('rejected')
    expect(seen.reason).toBe(reason)
    serve()
    await flush()
  })

  test('an event that only looks like an abort does nothing', async () => {
    for (const signal of [oldSignal(), new AbortController().signal]) {
      const { wait, serve, waiting } = make()
      const seen = watch(wait({ signal }))
      await flush()
      const before = waiting()
      signal.dispatchEvent(new Event('abort'))
      await flush()
      expect([seen.state, waiting()]).toEqual(['pending', before])
      serve()
      await flush()
      expect(seen.state).toBe('resolved')
    }
  })

  test('15 calls on one signal add one listener, and take it away', async () => {
    const warnings: Error[] = []
    const warn = (warning: Error) => warnings.push(warning)
    process.on('warning', warn)
    try {
      for (const abort of [true, false]) {
        const controller = new AbortController()
        const { signal } = controller
        // A bench of its own for those calls that do not queue behind each other.
        const benches = Array.from({ length: 15 }, () => make())
        const seen = benches.map(({ wait }) => watch(wait({ signal })))
        await flush()
        expect(getEventListeners(signal, 'abort')).toHaveLength(1)
        if (abort) controller.abort(new Error('given up'))
        for (const { serve } of benches) serve()
        await flush()
        expect(seen.map(({ state }) => state)).toEqual(Array(15).fill(abort ? 'rejected' : 'resolved'))
        expect(getEventListeners(signal, 'abort')).toEqual([])
      }
      await flush()
      expect({ name, warnings }).toEqual({ name, warnings: [] })
    } finally {
      process.off('warning', warn)
    }
  })
})
