// What a lock tells of itself, and what can be counted in it.

import type { Members } from './members.js'
import { normal } from './names.js'
import { isObject, isReference, watchMaps } from './probe.js'

const mapsOf = new WeakMap<object, readonly Map<unknown, unknown>[]>()

/** The same maker of locks, which also notes the maps that are made with each. */
export function watched<T>(create: () => T): () => T {
  return () => {
    const { made, maps } = watchMaps(create)
    if (isReference(made)) mapsOf.set(made, [...(mapsOf.get(made) ?? []), ...maps])
    return made
  }
}

/** Tells of maps that belong to a lock and were not made by its maker: those of its module. */
export function noteMaps(lock: object, maps: readonly Map<unknown, unknown>[]): void {
  mapsOf.set(lock, maps)
}

interface Gauge {
  readonly name: string
  count(lock: unknown, key: string): number | undefined
  flag(lock: unknown, key: string): boolean | undefined
}

/** Readings by name, a property or a method. What cannot be read is `undefined`. */
export function gaugesOf(lock: unknown, known: readonly string[], members: Members): Gauge[] {
  const names = new Set<string>()
  for (
    let at = lock;
    isReference(at) && at !== Object.prototype && at !== Function.prototype;
    at = Object.getPrototypeOf(at)
  )
    for (const name of Object.getOwnPropertyNames(at))
      if (known.includes(normal(name)) && !name.startsWith('_')) names.add(name)
  const byRank = [...names].sort((a, b) => known.indexOf(normal(a)) - known.indexOf(normal(b)))
  return byRank.map(name => {
    const read = (lock: unknown, key: string) =>
      quietly(() => {
        const value = (lock as Record<string, unknown>)[name]
        if (typeof value !== 'function') return value
        return members.get(normal(name))?.parameters.length ? value.call(lock, key) : value.call(lock)
      })
    return {
      name,
      count: (lock, key) => sizeOf(read(lock, key)),
      flag: (lock, key) => {
        const value = read(lock, key)
        return typeof value === 'boolean' ? value : undefined
      }
    }
  })
}

/** Its own array of waiters tells nothing: there are locks that leave abandoned waiters in it and skip them. */
export const isStore = (lock: unknown, name: string): boolean =>
  isObject(Object.getOwnPropertyDescriptor(lock as object, name)?.value)

/** Where it keeps entries: its own maps and plain objects, and the maps that were made with it. */
export function storesOf(lock: unknown): Gauge[] {
  const own = Object.entries<PropertyDescriptor>(
    isReference(lock) ? Object.getOwnPropertyDescriptors(lock) : {}
  ).filter(([, { value }]) => value instanceof Map || value instanceof Set || (isObject(value) && isPlain(value)))
  // Read each time, and of the lock that is asked about: there are locks that put a new map in the place of the old one.
  const named = own.map(([name]): Gauge => {
    const count = (lock: unknown) => sizeOf((lock as Record<string, unknown>)[name])
    return { name: `own ${name}`, count, flag: none }
  })
  const made = isReference(lock) ? (mapsOf.get(lock) ?? []) : []
  const counted = made.map((_, i): Gauge => {
    const count = (lock: unknown) => mapsOf.get(lock as object)?.[i]?.size
    return { name: `map ${i}`, count, flag: none }
  })
  return [...named, ...counted]
}

export const none = () => undefined

const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

function sizeOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  if (Array.isArray(value)) return value.length
  if (value instanceof Map || value instanceof Set) return value.size
  if (!isObject(value)) return undefined
  if (typeof value[Symbol.iterator as never] === 'function') return [...(value as unknown as Iterable<unknown>)].length
  return isPlain(value) ? Object.keys(value).length : undefined
}

export function quietly(read: () => unknown): unknown {
  try {
    return read()
  } catch {
    return undefined
  }
}
