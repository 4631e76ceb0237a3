// Work that belongs to no caller.
//
// A timer belongs to the async context in which it was set: it keeps the `AsyncLocalStorage` store of that request alive,
// and what it calls runs in it. So what outlives a request is set by one async function that has run since this module
// was loaded, in the context of that moment.

import { invokeCallback } from '../core/observer.js'

let wake = (): void => {}
const jobs: (() => void)[] = []

async function work(): Promise<never> {
  for (;;) {
    await new Promise<void>(resolve => {
      wake = resolve
    })
    for (const job of jobs.splice(0)) invokeCallback(job)
  }
}
void work()

/** Runs `job` in a microtask, outside of the async context of the caller. */
export function inBackground(job: () => void): void {
  jobs.push(job)
  wake()
}
