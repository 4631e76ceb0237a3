/// <reference types="node" />
// Lets go of the `AsyncLocalStorage` of each lock that was examined. Up to Node 22 every storage that was ever used is
// written to every promise that is made from then on: of a re-entrant lock, which has a storage of its own, the hundreds
// that are made here would take all the memory there is.

import { AsyncLocalStorage } from 'node:async_hooks'

interface Storage {
  run(...args: unknown[]): unknown
  enterWith(store: unknown): void
  disable(): void
}

/** So many may be in use at once: those of the locks of one schedule, and of the module. */
const IN_USE = 16

/** Keeps no more storages in use than the last ones; returns how to stop that. */
export function boundStorages(limit = IN_USE): () => void {
  const prototype = AsyncLocalStorage.prototype as unknown as Storage
  const { run, enterWith } = prototype
  const used = new Set<Storage>()
  const note = (storage: Storage) => {
    used.delete(storage)
    used.add(storage)
    if (used.size <= limit) return
    const [oldest] = used
    used.delete(oldest as Storage)
    oldest?.disable()
  }
  prototype.run = function (...args) {
    note(this)
    return run.apply(this, args)
  }
  prototype.enterWith = function (store) {
    note(this)
    enterWith.call(this, store)
  }
  return () => {
    Object.assign(prototype, { run, enterWith })
  }
}
