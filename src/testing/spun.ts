// The report of a lock that spins and could not be stopped: nothing else can be found out of it in this process.

import { nothingBut, spinning } from './explorer.js'
import { type Guarantee, NAMES } from './guarantees.js'
import { type Report, reportOf } from './report.js'
import type { Subject } from './subject.js'

export function spinningReport(): Report {
  const subject: Subject = {
    lock: undefined,
    shape: 'a lock that spins',
    kind: 'mutex',
    keyed: false,
    capacity: 1,
    takes: { signal: false, timeout: false },
    released: 'handle'
  }
  const why = 'while a caller waits for this lock, nothing else can run'
  const others = (Object.keys(NAMES) as Guarantee[]).map(
    guarantee => [guarantee, { verdict: 'not tried', why }] as const
  )
  return reportOf(subject, [nothingBut(spinning(), 2)], new Map(others))
}
