// One lock object for each memory in a thread, however often its handle arrives: two could block each other.

import { check, checkObject, show } from '../core/arguments.js'
import { isOurs, nameOf } from './places.js'
import { checkSharing } from './platform.js'
import type { SharedHandle } from './types.js'

/** Tells the constructor that the memory is there already. @internal */
export class Attachment {
  readonly handle: SharedHandle

  constructor(handle: SharedHandle) {
    this.handle = handle
  }
}

/** The locks that this thread is attached to, whichever copy of the package made them. */
export const attached = (): Map<string, WeakRef<object>> => {
  const global = globalThis as { [key: symbol]: unknown }
  const key = Symbol.for('latchkey.threads')
  global[key] ??= new Map()
  return global[key] as Map<string, WeakRef<object>>
}

const collected = /* @__PURE__ */ new FinalizationRegistry<string>(name => {
  if (attached().get(name)?.deref() === undefined) attached().delete(name)
})

/** Remembers the lock of this thread, as long as it is in use. */
export function remember(memory: string, lock: object): void {
  attached().set(memory, new WeakRef(lock))
  collected.register(lock, memory)
}

/** The lock that this thread has for a handle already, or a new one. @internal */
export function attachTo<P extends { readonly closed: boolean }, Kind extends string>(
  kind: Kind,
  handle: unknown,
  create: (attachment: Attachment) => P
): P {
  checkSharing(kind)
  checkObject(kind, 'handle', handle)
  const { kind: theirs, memory, name } = handle as SharedHandle
  check(theirs === kind, kind, 'handle', `the handle of a ${kind}`, handle)
  const isShared = Object.prototype.toString.call(memory) === '[object SharedArrayBuffer]' && isOurs(memory)
  if (!isShared)
    throw new TypeError(
      `${kind}: handle.memory must be the SharedArrayBuffer of a ${kind}, of the same version of this package, got ${show(memory)}`
    )
  check(name === undefined || typeof name === 'string', kind, 'handle.name', 'a string', name)
  const known = attached().get(nameOf(memory))?.deref()
  if (known !== undefined && !(known as P).closed) return known as P
  return create(new Attachment({ kind, memory, name }))
}
