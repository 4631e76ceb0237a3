// Where the subjects of a check come from.

import { watched } from './gauges.js'
import type { Hints } from './hints.js'
import { recogniseAll } from './recognise.js'
import type { Subject } from './subject.js'

/**
 * Finds out how the locks that `create` makes are used, and returns a maker of fresh subjects. What `create` makes may
 * be a `Subject` already: the way for any shape there is.
 */
export async function subjectsOf(create: () => unknown, hints: Hints | undefined): Promise<() => Subject> {
  if (isSubject(create())) return create as () => Subject
  const make = watched(create)
  const bind = await recogniseAll(make, hints)
  return () => bind(make())
}

function isSubject(made: unknown): made is Subject {
  if (typeof made !== 'object' || made === null) return false
  const { shape, kind, takes } = made as Partial<Subject>
  return 'lock' in made && typeof shape === 'string' && typeof kind === 'string' && typeof takes === 'object'
}
