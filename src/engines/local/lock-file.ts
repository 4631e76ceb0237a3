/// <reference types="node" />
// A lock for one file, beside it: for programs that agree on a file and on nothing else.

import { lstatSync, readlinkSync, realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { check, checkFunction, readAcquireOptions } from '../../core/arguments.js'
import { $label } from '../../core/members.js'
import type { Guarantees, Lease, LockMode, WaitOptions } from '../contract.js'
import { EngineLock } from '../engine-lock.js'
import type { EngineGrant } from '../lease.js'
import type { Wait } from '../wait.js'
import { type Access, MODES, makeFolder, refuseForeign, refuseShared } from './directory.js'
import { codeOf, explain } from './errors.js'
import { grantOf, keyIdOf, type LocalEngine, LocalLock, mustBeOneOf, ownerName, usesSockets } from './local-lock.js'
import type { Folder } from './place.js'
import { acquirePlace } from './queue.js'
import { heldAt } from './sockets.js'

/** How one call of `lockFile` locks and waits. */
export interface LockFileOptions extends WaitOptions {
  /** Which users may share the lock: this one, its group, or all. The same for all processes. Default `'private'`. */
  access?: Access | undefined
  /** As for `LocalLock`. Without sockets the lock is not beside the file, but in the default directory of `LocalLock`. */
  engine?: LocalEngine | undefined
}

const SOURCE = 'lockFile'

/**
 * Runs `task` while no other process, and no other caller of this one, is in a `lockFile` of the same file. The file need
 * not exist. It is meant by its real path: through which links it is reached makes no difference.
 *
 * While a caller holds or waits there is a folder beside the file, `.<name>.latchkey`; afterwards there is nothing. One
 * that is left by a process that was killed is used, and removed, by the next. Since nothing stays, leases have no token.
 *
 * *Cancellation*: as for `runExclusive` of a `LocalLock`, which this is but for the place.
 *
 * @throws TypeError or RangeError, at the call, for a wrong argument. Rejects as `runExclusive` does, and with a
 * `LockEngineError` if the folder of the file cannot be written.
 *
 * @example
 * ```ts
 * import { readFile, rename, rm, writeFile } from 'node:fs/promises'
 * import { lockFile } from 'latchkey/local'
 *
 * const file = `example-${process.pid}.json`
 * const visits = await lockFile(file, async () => {
 *   const { visits = 0 } = JSON.parse(await readFile(file, 'utf8').catch(() => '{}'))
 *   await writeFile(`${file}.new`, JSON.stringify({ visits: visits + 1 }))
 *   await rename(`${file}.new`, file)
 *   return visits + 1
 * })
 * console.log(visits) // → 1
 * await rm(file)
 * ```
 */
export function lockFile<T>(
  path: string,
  task: (lease: Lease) => T | PromiseLike<T>,
  options?: LockFileOptions
): Promise<T> {
  const isPath = typeof path === 'string' && path !== '' && !path.includes('\0')
  check(isPath, SOURCE, 'path', 'the path of a file', path)
  checkFunction(SOURCE, 'task', task)
  const wait = readAcquireOptions(SOURCE, options, undefined)
  const { access = 'private', engine, mode }: LockFileOptions = options ?? {}
  mustBeOneOf(SOURCE, 'options.access', Object.keys(MODES), access)
  mustBeOneOf(SOURCE, 'options.engine', ['sockets', 'sqlite'], engine)
  const locks = locksFor(access, engine)
  let file: string
  try {
    file = realPathOf(resolve(path))
  } catch (error) {
    return Promise.reject(explain(SOURCE, path, error))
  }
  return locks.runExclusive(file, task, { ...wait, mode })
}

/** One lock object for each way of locking: callers of this process queue in it. It has nothing open by itself. */
const made = new Map<string, FileLock | LocalLock>()

function locksFor(access: Access, engine: LocalEngine | undefined): FileLock | LocalLock {
  const kind = `${access} ${engine}`
  let locks = made.get(kind)
  if (locks === undefined) {
    locks = usesSockets(engine) ? new FileLock(access) : new LocalLock({ access, engine })
    made.set(kind, locks)
  }
  return locks
}

/** Keys are real paths. */
class FileLock extends EngineLock<string> {
  readonly guarantees: Guarantees = { fifo: true, fencing: false, survives: ['crash', 'pause'] }
  readonly #access: Access

  constructor(access: Access) {
    super('lockFile', undefined, { modes: ['exclusive', 'shared'], capacity: false })
    this.#access = access
  }

  protected keyId(file: string): string {
    return file
  }

  protected async acquireKey(file: string, wait: Wait | undefined, mode: LockMode): Promise<EngineGrant | undefined> {
    const want = { shared: mode === 'shared', capacity: 1, owner: ownerName() }
    const place = await acquirePlace(this.#folderOf(file), want, wait)
    return place && grantOf(heldAt(place), want.owner)
  }

  protected async disconnect(): Promise<void> {}

  #folderOf(file: string): Folder {
    const { [$label]: label } = this
    const access = this.#access
    const name = `.${basename(file)}.latchkey`
    const path = join(dirname(file), Buffer.byteLength(name) > LONGEST_NAME ? `.${keyIdOf(file)}.latchkey` : name)
    try {
      refuseShared(label, dirname(file))
      refuseForeign(label, path, access)
    } catch (error) {
      throw explain(label, path, error)
    }
    return { label, path, access, vanishes: true, make: () => makeFolder(path, access) }
  }
}

/** What a file system takes, in bytes. */
const LONGEST_NAME = 255
const MOST_LINKS = 40

/** Where a path leads, also if there is nothing yet: a file that is created through a link is the one it leads to. */
function realPathOf(path: string, links = 0): string {
  try {
    return realpathSync.native(path)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' || links > MOST_LINKS) throw error
  }
  const real = join(realpathSync.native(dirname(path)), basename(path))
  const isLink = lstatSync(real, { throwIfNoEntry: false })?.isSymbolicLink()
  return isLink ? realPathOf(resolve(dirname(real), readlinkSync(real)), links + 1) : real
}
