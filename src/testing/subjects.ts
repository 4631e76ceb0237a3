// Where the subjects of a check come from.

import { type Hints, recognise } from './shapes.js'
import type { Subject } from './subject.js'

/** Makes a fresh subject each time. What `create` makes may be a `Subject` already: the way for any shape there is. */
export function subjectsOf(create: () => unknown, hints: Hints | undefined): () => Subject {
  return () => {
    const made = create()
    return isSubject(made) ? made : recognise(made, hints)
  }
}

function isSubject(made: unknown): made is Subject {
  if (typeof made !== 'object' || made === null) return false
  const { shape, kind, takes } = made as Partial<Subject>
  return 'lock' in made && typeof shape === 'string' && typeof kind === 'string' && typeof takes === 'object'
}
