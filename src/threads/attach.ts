// One lock object for each memory in a thread, however often its handle arrives: two could block each other.

/** The locks that this thread is attached to, whichever copy of the package made them. */
export function attached(): Map<bigint, WeakRef<object>> {
  const global = globalThis as { [key: symbol]: unknown }
  const key = Symbol.for('latchkey.threads')
  global[key] ??= new Map()
  return global[key] as Map<bigint, WeakRef<object>>
}

const collected = /* @__PURE__ */ new FinalizationRegistry<bigint>(memory => {
  if (!attached().get(memory)?.deref()) attached().delete(memory)
})

/** Remembers the lock of this thread, as long as it is in use. */
export function remember(memory: bigint, lock: object): void {
  attached().set(memory, new WeakRef(lock))
  collected.register(lock, memory)
}
