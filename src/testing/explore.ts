// Which guarantees a lock breaks under every schedule up to a depth: the options and the result of an exploration.

import type { Exploration, ExploreOptions } from './exploration.js'
import { exploreSubject } from './explorer.js'
import { subjectsOf } from './subjects.js'

/** Explores the locks that `create` makes, each schedule with a fresh one. */
export async function explore(create: () => unknown, options: ExploreOptions = {}): Promise<Exploration> {
  const { clients = 3, depth = 8, hints, keys = ['a'] } = options
  return exploreSubject(await subjectsOf(create, hints), { ...options, clients, depth, keys })
}
