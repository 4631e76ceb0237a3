// A signal for one piece of work.

/**
 * Runs `work` under a signal that lives no longer than the work, and settles as it does, or rejects with the reason of
 * `outer` as soon as that aborts. So a client that leaves its listener on a signal for good, as the MCP client does,
 * leaves none on `outer`.
 */
export async function scoped<T>(
  outer: AbortSignal | undefined,
  work: (signal: AbortSignal) => PromiseLike<T>
): Promise<T> {
  if (outer?.aborted) throw outer.reason
  const inner = new AbortController()
  const stop = () => inner.abort(outer?.reason)
  const stopped = new Promise<never>((_, reject) => {
    // Ours is the first listener: it rejects before the work can, with an error of its own.
    inner.signal.addEventListener('abort', () => reject(inner.signal.reason))
  })
  outer?.addEventListener('abort', stop)
  try {
    return await Promise.race([work(inner.signal), stopped])
  } finally {
    outer?.removeEventListener('abort', stop)
  }
}

/** Settles as `work` does, or rejects with `late()` after `ms`. */
export function within<T>(ms: number, work: Promise<T>, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(late()), Math.min(ms, 2 ** 31 - 1))
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
