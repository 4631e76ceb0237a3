import fc from 'fast-check'
import { comparable, LOCKS, type LockName, namesOf, type Schedule, waysToAsk } from '../../site/theatre/schedule.js'

/** Any schedule that the page can make. */
export const anySchedule = (locks: readonly LockName[] = Object.keys(LOCKS) as LockName[]): fc.Arbitrary<Schedule> =>
  fc
    .record({
      lock: fc.constantFrom(...locks),
      size: fc.integer({ min: 1, max: 4 }),
      clients: fc.integer({ min: 1, max: 5 })
    })
    .chain(({ lock, size, clients }) => {
      const step = fc.tuple(
        fc.constantFrom(...namesOf(clients)),
        fc.oneof(
          fc.constantFrom(...waysToAsk({ lock, size })),
          fc.constantFrom(...(['work', 'release', 'again', 'abort', 'timeout'] as const)).map(verb => ({ verb }))
        )
      )
      const steps = fc.array(
        step.map(([client, what]) => ({ client, ...what })),
        { maxLength: 24 }
      )
      const beside = fc.constantFrom<(LockName | undefined)[]>(undefined, ...comparable(lock))
      return fc.tuple(steps, beside).map(([steps, beside]) => ({
        ...{ lock, size: lock === 'semaphore' ? size : 2, clients, steps },
        ...(beside !== undefined && { beside })
      }))
    })
