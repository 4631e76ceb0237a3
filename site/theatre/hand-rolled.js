// Locks as they are written by hand, each with its fault: what latchkey is compared with on the stage. Their queues are
// public, so that the stage shows what is really in them.

/** Hangs as soon as one caller has to wait. */
export class BuggyMutex {
  locked = false
  /** @type {Array<() => void>} */
  queue = []

  /** @returns {Promise<() => void>} */
  acquire() {
    return new Promise(resolve => {
      const attempt = () => {
        if (this.locked) {
          this.queue.push(attempt)
          return
        }
        this.locked = true
        resolve(() => this.release())
      }
      attempt()
    })
  }

  release() {
    const next = this.queue.shift()
    // The fault: the lock is not freed first, so `attempt` finds it taken and queues itself again.
    if (next) next()
    else this.locked = false
  }
}

/** Hands over as it should. Its releaser can still be called twice, and a waiter cannot leave. */
export class RepairedMutex {
  locked = false
  /** @type {Array<(release: () => void) => void>} */
  queue = []

  /** @returns {Promise<() => void>} */
  acquire() {
    return new Promise(resolve => {
      if (this.locked) this.queue.push(resolve)
      else {
        this.locked = true
        resolve(() => this.release())
      }
    })
  }

  release() {
    const next = this.queue.shift()
    // The fault: it does not matter who calls, or how often.
    if (next) next(() => this.release())
    else this.locked = false
  }
}

/** Each caller waits for the one before. One that has left is still waited for, and never comes. */
export class PromiseChain {
  tail = Promise.resolve()

  /** @returns {Promise<() => void>} */
  acquire() {
    const before = this.tail
    /** @type {() => void} */
    let release = () => {}
    this.tail = new Promise(resolve => {
      release = resolve
    })
    return before.then(() => release)
  }
}

/** Readers share, a writer is alone. A writer waits for as long as there is any reader. */
export class ReadersFirst {
  readers = 0
  writing = false
  /** @type {Array<{ kind: 'read' | 'write', enter: () => void }>} */
  queue = []

  /**
   * @param {'read' | 'write'} kind
   * @returns {Promise<() => void>}
   */
  acquire(kind) {
    return new Promise(resolve => {
      const enter = () => {
        if (kind === 'read') this.readers++
        else this.writing = true
        resolve(() => this.release(kind))
      }
      if (this.fits(kind)) enter()
      else this.queue.push({ kind, enter })
    })
  }

  /** @param {'read' | 'write'} kind */
  fits(kind) {
    // The fault: it looks at the holders of the lock, and not at its waiters.
    return !this.writing && (kind === 'read' || this.readers === 0)
  }

  /** @param {'read' | 'write'} kind */
  release(kind) {
    if (kind === 'read') this.readers--
    else this.writing = false
    while (this.queue[0] && this.fits(this.queue[0].kind)) this.queue.shift()?.enter()
  }
}
