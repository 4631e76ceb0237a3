// Timers of the engines.

export type Timer = ReturnType<typeof setTimeout>

/** Lets the process end although the timer is still running. */
export function unref(timer: Timer): Timer {
  // Node has a handle where other runtimes have a number.
  ;(timer as { unref?(): void }).unref?.()
  return timer
}
