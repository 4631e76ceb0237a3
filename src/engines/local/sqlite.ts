/// <reference types="node" />
// Keys as databases that are locked exclusively: for systems on which a refused connection proves nothing.
//
// SQLite takes its lock from the kernel, which gives it back when a process ends, on every system in its own way. There
// is no queue: a waiter tries again and again. So a process that has just released a key on which others wait stands
// back for longer than they pause between two tries.
//
// Nothing here opens a database by itself, and nothing else should: on Unix, a process that closes any descriptor of a
// file loses all its locks on that file.

import { closeSync, constants, fchmodSync, openSync, readSync, statSync, utimesSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { KeyHolder, LockEngineError } from '../contract.js'
import type { Wait } from '../wait.js'
import { type Backend, type Held, type LocalEntry, tokenOf } from './backend.js'
import { type Access, isBeingMade, MODES, MOST_WAITS, makeFolder, prepareDirectory } from './directory.js'
import { codeOf, explain } from './errors.js'
import type { Want } from './place.js'
import { sleep } from './sleep.js'

interface Database {
  exec(sql: string): void
  close(): void
}
type DatabaseClass = new (path: string, options?: { timeout?: number }) => Database

/** `node:sqlite`, if this runtime has it. */
export function sqlite(): DatabaseClass | undefined {
  try {
    const module = process.getBuiltinModule?.('node:sqlite') as { DatabaseSync?: DatabaseClass } | undefined
    return module?.DatabaseSync
  } catch {
    return undefined
  }
}

/** Between two tries, in ms, at most. */
const POLL_MS = 8
/** So long does a process stand back that has released a key on which others wait. */
const STAND_BACK_MS = 12
/** For so long is it believed that there is a waiter. */
const WAITER_TTL_MS = 25
/** How many databases stay open although their keys are free. */
const MOST_IDLE = 32
/** Codes of SQLite. */
const BUSY = 5
const ERRNO: Readonly<Record<number, string>> = { 3: 'EACCES', 8: 'EROFS', 13: 'ENOSPC', 14: 'EACCES', 23: 'EACCES' }
/** The size of the file that says who holds, in bytes. A name of the owner that does not fit into it is cut. */
const RECORD = 512

/** The pid in that file when no process holds the key. */
const NO_HOLDER = 0

/** What that file says. */
interface HolderRecord {
  readonly pid: number
  readonly since: number
  readonly number: number
  readonly turn: number
  readonly owner?: string
}

/** The open database of one key. */
interface Handle {
  readonly database: Database
  /** Says who holds. */
  readonly record: number
  /** The file that was opened, as `dev:ino`. */
  readonly file: string
}

export class SqliteBackend implements Backend {
  readonly #label: string
  readonly #directory: string
  readonly #access: Access
  readonly #Database: DatabaseClass
  /** Open and not locked, the one that was used last at the end. */
  readonly #idle = new Map<string, Handle>()
  /** Until when this process stands back, by key. */
  readonly #standingBack = new Map<string, number>()

  constructor(label: string, directory: string, access: Access, Database: DatabaseClass) {
    this.#label = label
    this.#directory = directory
    this.#access = access
    this.#Database = Database
  }

  async acquire(id: string, { owner }: Want, wait: Wait | undefined): Promise<Held | undefined> {
    if (wait === undefined) return this.#attempt(id, owner)
    const since = this.#standingBack.get(id)
    if (since !== undefined) await wait.pause(Math.max(0, since - performance.now()))
    for (;;) {
      if (wait.ended) return undefined
      const held = this.#attempt(id, owner)
      if (held !== undefined) return held
      this.#tellWaiting(id)
      await wait.pause(pollPause())
    }
  }

  acquireSync(id: string, owner: string, until: number): Held | undefined {
    const since = this.#standingBack.get(id)
    if (since !== undefined && until !== -Infinity) sleep(Math.max(0, since - performance.now()))
    for (;;) {
      const held = this.#attempt(id, owner)
      if (held !== undefined) return held
      const left = until - performance.now()
      if (left <= 0) return undefined
      this.#tellWaiting(id)
      sleep(Math.min(pollPause(), left))
    }
  }

  async check(id: string): Promise<LocalEntry[]> {
    const record = this.#holderOf(id)
    if (record === undefined) return []
    const { pid, since, number } = record
    return [{ pid, here: pid === process.pid, since, token: tokenOf(number, 0) }]
  }

  async holders(id: string): Promise<KeyHolder[]> {
    const record = this.#holderOf(id)
    if (record === undefined) return []
    const { pid, since, number, turn, owner = `process ${pid}` } = record
    return [{ owner, since: new Date(since), token: tokenOf(number, turn), mode: 'exclusive' }]
  }

  /**
   * What is free, its record says. Only what says that it is held is tried, for its process may have been killed: a try that
   * succeeds holds the key for a moment, in which another one that does not wait would be refused.
   */
  #holderOf(id: string): HolderRecord | undefined {
    if (this.#recordOf(id) === undefined) return undefined
    const held = this.#attempt(id, '')
    if (held !== undefined) {
      held.release()
      return undefined
    }
    return this.#recordOf(id)
  }

  /** What was said last of who holds, unless that one has released. */
  #recordOf(id: string): HolderRecord | undefined {
    let descriptor: number
    try {
      descriptor = openSync(this.#path(id, 'lock.holder'), 'r')
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined
      throw this.#explain(id, error)
    }
    try {
      const record = readRecord(descriptor)
      return record.pid === NO_HOLDER ? undefined : record
    } finally {
      closeSync(descriptor)
    }
  }

  /** A database that another process is about to open cannot be removed safely. It has no content. */
  async sweep(): Promise<number> {
    return 0
  }

  close(): void {
    for (const handle of this.#idle.values()) closeHandle(handle)
    this.#idle.clear()
  }

  #path(id: string, name: string): string {
    return join(this.#directory, id, name)
  }

  /** Locks the database of a key, if that is possible now. */
  #attempt(id: string, owner: string): Held | undefined {
    for (;;) {
      const handle = this.#open(id)
      try {
        // It locks one byte in one step. With EXCLUSIVE, two that try at once may both be refused.
        handle.database.exec('BEGIN IMMEDIATE')
        // What was opened may have been removed since: then it excludes no process.
        if (handle.file === this.#fileOf(id)) return this.#hold(id, handle, owner)
      } catch (error) {
        const code = ((error as { errcode?: number }).errcode ?? 0) & 0xff
        if (code === BUSY) {
          this.#keep(id, handle)
          return undefined
        }
        closeHandle(handle)
        throw this.#explain(id, error)
      }
      closeHandle(handle)
    }
  }

  #hold(id: string, handle: Handle, owner: string): Held {
    const last = readRecord(handle.record).number
    const number = Math.max(last + 1, Date.now() * 1024)
    const since = Date.now()
    const write = (turn: number) => writeRecord(handle.record, { pid: process.pid, since, number, turn, owner })
    write(0)
    const isThere = () => handle.file === this.#fileOf(id)
    let isHeld = true
    const release = () => {
      if (!isHeld) return false
      isHeld = false
      const wasThere = isThere()
      try {
        // The number stays, for the tokens of later holders.
        writeRecord(handle.record, { pid: NO_HOLDER, since, number, turn: 0 })
        handle.database.exec('ROLLBACK')
        this.#keep(id, handle)
      } catch {
        closeHandle(handle)
      }
      this.#standBack(id)
      return wasThere
    }
    const tell = (token = tokenOf(number, 0)) => write(Number(token - tokenOf(number, 0)))
    return { number, path: join(this.#directory, id), isThere, tell, release }
  }

  /** Takes the open database of a key, or opens it. */
  #open(id: string): Handle {
    const idle = this.#idle.get(id)
    if (idle !== undefined) {
      this.#idle.delete(id)
      if (idle.file === this.#fileOf(id)) return idle
      closeHandle(idle)
    }
    try {
      for (let tries = 0; ; tries++) {
        if (tries === 0 || this.#fileOf(id) === undefined) {
          prepareDirectory(this.#label, this.#directory, this.#access)
          makeFolder(join(this.#directory, id), this.#access)
        }
        const [path, recordPath] = [this.#path(id, 'lock.sqlite'), this.#path(id, 'lock.holder')]
        const mode = MODES[this.#access].entry & 0o666
        let denied: unknown
        try {
          // Made before SQLite opens it, so that its rights are those of `access`.
          makeFile(path, mode)
          makeFile(recordPath, mode)
        } catch (error) {
          if (codeOf(error) !== 'EACCES') throw error
          denied = error
        }
        if (tries < MOST_WAITS && this.#isBeingMade(id)) {
          sleep(1)
          continue
        }
        if (denied !== undefined) throw denied
        const file = this.#fileOf(id)
        if (file === undefined) continue
        const record = openSync(recordPath, constants.O_RDWR | constants.O_CREAT, mode)
        try {
          return { database: new this.#Database(path, { timeout: 0 }), record, file }
        } catch (error) {
          closeSync(record)
          throw error
        }
      }
    } catch (error) {
      throw this.#explain(id, error)
    }
  }

  /** Whether another user is just making what is needed. */
  #isBeingMade(id: string): boolean {
    const { directory, entry } = MODES[this.#access]
    const folders = [this.#directory, join(this.#directory, id)]
    const files = ['lock.sqlite', 'lock.holder'].map(name => this.#path(id, name))
    return (
      folders.some(path => isBeingMade(path, directory & 0o777)) || files.some(path => isBeingMade(path, entry & 0o666))
    )
  }

  #keep(id: string, handle: Handle): void {
    if (this.#idle.has(id)) {
      closeHandle(handle)
      return
    }
    this.#idle.set(id, handle)
    for (const [oldest, { database, record }] of this.#idle) {
      if (this.#idle.size <= MOST_IDLE) break
      this.#idle.delete(oldest)
      closeHandle({ database, record })
    }
  }

  /** The database that a new caller would open, as `dev:ino`. */
  #fileOf(id: string): string | undefined {
    const stat = statSync(this.#path(id, 'lock.sqlite'), { throwIfNoEntry: false })
    return stat && `${stat.dev}:${stat.ino}`
  }

  #tellWaiting(id: string): void {
    const path = this.#path(id, 'lock.waiting')
    try {
      utimesSync(path, new Date(), new Date())
    } catch {
      try {
        makeFile(path, MODES[this.#access].entry & 0o666)
      } catch {
        // Fairness is all that is lost.
      }
    }
  }

  #standBack(id: string): void {
    const waiting = statSync(this.#path(id, 'lock.waiting'), { throwIfNoEntry: false })
    if (waiting === undefined || Date.now() - waiting.mtimeMs > WAITER_TTL_MS) return
    this.#standingBack.set(id, performance.now() + STAND_BACK_MS)
    const forget = () => {
      if ((this.#standingBack.get(id) ?? 0) <= performance.now()) this.#standingBack.delete(id)
    }
    setTimeout(forget, STAND_BACK_MS + 1).unref()
  }

  #explain(id: string, error: unknown): LockEngineError {
    const code = ERRNO[((error as { errcode?: number }).errcode ?? 0) & 0xff]
    const cause = code === undefined ? error : Object.assign(error as Error, { code })
    return explain(this.#label, join(this.#directory, id), cause)
  }
}

const pollPause = (): number => POLL_MS * (0.5 + Math.random() / 2)

function closeHandle({ database, record }: Pick<Handle, 'database' | 'record'>): void {
  closeSync(record)
  database.close()
}

/**
 * Makes a file that is not there, with these rights whatever the umask. One that is there is not opened: closing it would give
 * up the locks of this process.
 */
function makeFile(path: string, mode: number): void {
  let descriptor: number
  try {
    descriptor = openSync(path, 'wx', mode)
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return
    throw error
  }
  try {
    fchmodSync(descriptor, mode)
  } finally {
    closeSync(descriptor)
  }
}

function writeRecord(record: number, { pid, since, number, turn, owner = '' }: HolderRecord): void {
  const facts = `${pid} ${since} ${number} ${turn} `
  const text = facts + owner.slice(0, (RECORD - facts.length) / 4).padEnd(RECORD)
  // Always at the beginning of the file: without a position it would be written behind what was written last.
  writeSync(record, Buffer.from(text), 0, RECORD, 0)
}

function readRecord(record: number): HolderRecord {
  const buffer = Buffer.alloc(RECORD)
  const length = readSync(record, buffer, 0, RECORD, 0)
  const [first = '', second, third, fourth, ...words] = buffer.toString('utf8', 0, length).trim().split(' ')
  const [pid = 0, since = 0, number = 0, turn = 0] = [first, second ?? 0, third ?? 0, fourth ?? 0].map(Number)
  const owner = words.join(' ')
  return { pid, since, number: Number.isSafeInteger(number) ? number : 0, turn, ...(owner !== '' && { owner }) }
}
