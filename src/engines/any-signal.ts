/** A signal, and how to stop listening to those behind it. */
export interface AnySignal {
  readonly signal: AbortSignal
  end(): void
}

/**
 * Aborts with the first of `signals`, some of which look at the clocks when they are looked at (`Lease.signal`); so does
 * this one. `AbortSignal.any` would not: it hears of an abort once the signal behind it is told.
 */
export function anySignal(signals: readonly AbortSignal[]): AnySignal {
  const controller = new AbortController()
  const { signal } = controller
  let isAborted = false
  const end = (): void => {
    for (const each of signals) each.removeEventListener('abort', look)
  }
  const look = (): boolean => {
    for (const { aborted, reason } of isAborted ? [] : signals) {
      // A look at one may tell this one of its abort.
      if (!aborted || isAborted) continue
      isAborted = true
      end()
      controller.abort(reason)
    }
    return isAborted
  }
  if (!look()) for (const each of signals) each.addEventListener('abort', look)
  Object.defineProperties(signal, {
    aborted: { configurable: true, get: look },
    throwIfAborted: {
      configurable: true,
      value: () => {
        if (look()) throw signal.reason
      }
    }
  })
  return { signal, end }
}
