// The texts of `latchkey help`.

import { DEADLINE, KINDS, SHAPES } from './usage.js'

export const HELP: Readonly<Record<'latchkey' | 'check' | 'bench', string>> = {
  latchkey: `latchkey: finds the bugs of a lock, and measures what a lock costs.

  latchkey check <file>[#export]   puts a mutex, semaphore or read-write lock through its schedules
  latchkey bench                   measures locks on this machine

  latchkey help check              what it looks for, all flags, examples
  latchkey --version
`,
  check: `latchkey check <file>[#export]: finds the bugs of a lock.

It loads the file, finds out how the lock in it is used, and runs a fresh one under every schedule of a few clients that
acquire, try, release, release twice, abort, time out and throw. For each guarantee it says whether it holds; for each
that is broken, what that means in practice, and the shortest schedule that breaks it, drawn as a timeline.

  latchkey check src/mutex.js                    the default export, the only one, or the only one that may be a lock
  latchkey check src/locks.js#KeyedLock          one of several
  latchkey check src/mutex.ts --svg bug.svg      TypeScript (see the end); the timelines as a picture
  latchkey check src/sem.js --args '[3]'         constructed with 3
  latchkey check src/odd.js --acquire ask --release thanks
  latchkey check 'src/locks/*.ts'                 several files; without any, those of "latchkey" in package.json
  latchkey check async-mutex#Mutex               a package of your project

Exit code: 0 everything offered holds, 1 something is broken, 2 it could not be run, or it is not sure.

Verdicts: a guarantee is broken, or it is a policy of the lock (its order, or who may release it where no grant has
a release of its own). Policies are told and do not fail. While it is in doubt how the lock is used, nothing is
called broken.
  --strict           policies fail as well
  --except G4,G2     what is not held against the lock

Output
  --reporter NAME    pretty, json, junit, github (annotations) or sarif; --json is --reporter json
  --svg FILE         the timelines as one picture, light or dark as its reader is
  --emit-test FILE   the shortest failing schedule as a test that runs by itself; --runner node|vitest
  --quiet            what is broken only
  --verbose          also what the lock prints
                     Colour is for terminals only: NO_COLOR takes it away, FORCE_COLOR brings it back.

How much
  --depth N          operations in one schedule, however long that takes
  --clients N        clients that share the lock
  --seed N           of the random schedules in the larger world
  --waiters N        how many wait in the longest queue: 100000, 0 leaves it out
  --deadline MS      the lock is stopped after so long, even if it loops (default ${DEADLINE})

How it is used, where that cannot be told (the lock is tried out, and usually it can)
  --acquire NAME     the member that waits for the lock
  --release NAME     the member that frees it, unless each grant has a release of its own
  --run NAME         the member that runs a task under the lock
  --try NAME         the member that takes it without waiting
  --read NAME --write NAME   of a read-write lock: the members that wait for it, or run a task
  --shape SHAPE      ${SHAPES.join(', ')}: which way to look at, where there are several
  --kind KIND        ${KINDS.join(', ')}
  --capacity N       how many may hold at once
  --keyed            the first argument is a key; --no-keyed: it is not
  --signal           waiting takes an AbortSignal; --no-signal: leave that alone
  --timeout          waiting takes a timeout; --no-timeout: leave that alone
  --args JSON        what the class or factory is called with: one value, or a list

TypeScript runs with tsx, esbuild or typescript up to 6, where your project has one of them, or else with Node.
`,
  bench: `latchkey bench: what a lock costs on this machine.

It times bare promises without any lock, latchkey, and each of these that your project has: async-mutex, async-lock,
async-sema, await-lock, es-toolkit, mutexify, p-limit. They take turns in the same seconds, so what counts is the ratio
to the bare promises beside it, not the nanoseconds.

  latchkey bench
  latchkey bench --json > bench.json

  --json             the figures as JSON, on standard output
  --time MS          for each row (default 600); more time, steadier figures
`
}
