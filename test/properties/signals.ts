// Abort signals that can be asked what is registered on them.

import { getEventListeners } from 'node:events'

export interface WatchedSignal {
  readonly signal: AbortSignal
  abort(reason: unknown): void
  /** How many listeners it has now. */
  readonly listeners: number
  /** How many were ever added. */
  readonly added: number
}

/** The platform's own signal. */
export function platformSignal(): WatchedSignal {
  const controller = new AbortController()
  const { signal } = controller
  let added = 0
  const add = signal.addEventListener.bind(signal) as (...args: unknown[]) => void
  Object.defineProperty(signal, 'addEventListener', {
    value: (...args: unknown[]) => {
      added++
      add(...args)
    }
  })
  return {
    signal,
    abort: reason => controller.abort(reason),
    get listeners() {
      return getEventListeners(signal, 'abort').length + (signal.onabort ? 1 : 0)
    },
    get added() {
      return added
    }
  }
}

type Listener = EventListenerOrEventListenerObject

/** A signal of another make, as a polyfill or another realm has it: the same members, no relation to the platform's class. */
export function foreignSignal(): WatchedSignal {
  const listeners = new Map<Listener, boolean>()
  let added = 0
  const signal = {
    aborted: false,
    reason: undefined as unknown,
    addEventListener(_type: string, listener: Listener, options?: boolean | AddEventListenerOptions) {
      added++
      if (!listeners.has(listener)) listeners.set(listener, typeof options === 'object' && options.once === true)
    },
    removeEventListener(_type: string, listener: Listener) {
      listeners.delete(listener)
    }
  }
  return {
    signal: signal as unknown as AbortSignal,
    abort(reason) {
      if (signal.aborted) return
      signal.aborted = true
      signal.reason = reason
      const event = { type: 'abort', target: signal } as unknown as Event
      for (const [listener, once] of [...listeners]) {
        if (!listeners.has(listener)) continue
        if (once) listeners.delete(listener)
        if (typeof listener === 'function') listener.call(signal, event)
        else listener.handleEvent(event)
      }
    },
    get listeners() {
      return listeners.size
    },
    get added() {
      return added
    }
  }
}
