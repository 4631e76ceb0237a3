// A RedisLock whose half at the server is asked directly, as `EngineLock` asks it: without a queue in this process, so that
// callers of one process meet at the server as those of several do.

import { type KeyHolder, type LockMode, type Validity, Wait, type WaitOptions } from 'latchkey/distributed'
import { RedisLock } from 'latchkey/redis'

/** What the server granted. */
export interface Grant {
  readonly owner: string
  readonly token?: bigint | undefined
  readonly validity?: Pick<Validity, 'isValid' | 'onLoss'> | undefined
  release(): Promise<boolean>
}

export class DirectLock extends RedisLock {
  /** Waits until the key is granted. */
  take(key: string, mode: LockMode = 'exclusive', options: WaitOptions = {}): Promise<Grant> {
    const wait = new Wait('direct', options, performance.now())
    return new Promise((resolve, reject) => {
      wait.onEnd(reject)
      this.acquireKey(this.keyId(key), wait, mode).then(grant => {
        if (wait.ended) void grant?.release()
        else resolve(grant as Grant)
        wait.dispose()
      }, reject)
    })
  }

  /** Takes the key if it is free. */
  tryTake(key: string, mode: LockMode = 'exclusive'): Promise<Grant | undefined> {
    return this.acquireKey(this.keyId(key), undefined, mode)
  }

  /** Takes all of the keys or none. */
  takeAll(keys: readonly string[], mode: LockMode = 'exclusive'): Promise<readonly Grant[] | undefined> {
    return this.acquireKeys(
      keys.map(key => this.keyId(key)),
      mode
    )
  }

  holdersOf(key: string): Promise<readonly KeyHolder[]> {
    return this.inspectKey(this.keyId(key))
  }
}
