// Errors that no caller can handle: promises that reject unheard, and exceptions out of a callback of the lock's own.
//
// All promises that a lock gives to its clients are handled, so all that is reported here is the lock's own. Where the
// runtime would end the process, it is kept from it while a lock is explored.

type Listener = (...values: unknown[]) => void
interface Emitter {
  listeners(event: string): Listener[]
  on(event: string, listener: Listener): void
  off(event: string, listener: Listener): void
}
interface Host {
  process?: Partial<Emitter>
  addEventListener?(type: string, listener: (event: Event) => void): void
  removeEventListener?(type: string, listener: (event: Event) => void): void
}

const host = globalThis as Host
const OF_PROCESS = ['unhandledRejection', 'uncaughtException'] as const
const OF_GLOBAL = ['unhandledrejection', 'error'] as const

/** Counts errors that no caller can handle, where the runtime tells of them. */
export class UnhandledErrors {
  /** Of promises. Told only after all microtasks have run. */
  rejections = 0
  /** Of callbacks. Told in the same instant. */
  exceptions = 0
  last: unknown
  #restore: (() => void)[] = []

  start(): void {
    const rejected: Listener = reason => {
      this.rejections++
      this.last = reason
    }
    const thrown: Listener = error => {
      this.exceptions++
      this.last = error
    }
    const { process } = host
    if (isEmitter(process)) this.#onProcess(process, [rejected, thrown])
    else if (host.addEventListener) this.#onGlobal([rejected, thrown])
  }

  stop(): void {
    for (const restore of this.#restore) restore()
    this.#restore = []
  }

  #onProcess(process: Emitter, mine: Listener[]): void {
    for (const [i, event] of OF_PROCESS.entries()) {
      // Those of a test runner would call the run failed.
      const others = process.listeners(event)
      const listener = mine[i] as Listener
      for (const other of others) process.off(event, other)
      process.on(event, listener)
      this.#restore.push(() => {
        process.off(event, listener)
        for (const other of others) process.on(event, other)
      })
    }
  }

  #onGlobal(mine: Listener[]): void {
    for (const [i, type] of OF_GLOBAL.entries()) {
      const listener = (event: Event) => {
        event.preventDefault()
        const { reason, error } = event as Event & { reason?: unknown; error?: unknown }
        mine[i]?.(reason ?? error)
      }
      host.addEventListener?.(type, listener)
      this.#restore.push(() => host.removeEventListener?.(type, listener))
    }
  }
}

function isEmitter(process: Partial<Emitter> | undefined): process is Emitter {
  return (
    typeof process?.listeners === 'function' && typeof process.on === 'function' && typeof process.off === 'function'
  )
}
