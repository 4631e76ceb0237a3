// G10: an unused key leaves nothing behind.

import type { Verdict } from './report.js'
import { inFakeTime, settle } from './settling.js'
import type { Subject } from './subject.js'

const KEYS = 1000

/** Uses many keys, each by two at once, and counts the entries that are left. */
export async function checkResidue(create: () => Subject): Promise<Pick<Verdict, 'verdict' | 'why'>> {
  const subject = create()
  if (!subject.entries) return { verdict: 'not tried', why: 'it does not tell how many keys it keeps' }
  const before = subject.entries()
  const ignore = () => {}
  const use = () => {
    for (let i = 0; i < KEYS; i++)
      for (let client = 0; client < 2; client++)
        if (subject.run) subject.run(`key ${i}`, ignore, {}).then(ignore, ignore)
        else subject.acquire?.(`key ${i}`, {}).then(release => release(), ignore)
  }
  const left = await inFakeTime(async clock => {
    use()
    const isClean = () => (subject.entries?.() ?? 0) <= before
    // What is taken away a while later is taken away.
    for (let round = 0; round < 5 && !isClean(); round++) await settle(clock, isClean)
    return (subject.entries?.() ?? 0) - before
  })
  if (left <= 0) return { verdict: 'holds', why: `${KEYS} keys were used, and none is kept` }
  return { verdict: 'broken', why: `${KEYS} keys were used and released, and ${left} are still kept` }
}
