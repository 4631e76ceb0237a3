// What stands for a lock between the processes of one machine: latchkey, and what else there is.

import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { LocalLock } from 'latchkey/local'

const require = createRequire(import.meta.url)

/** @typedef {() => unknown} Release */
/** @typedef {{ acquire: () => Promise<Release> }} Contender */

/** How often those look that have to look, in ms, where their users may choose. */
const POLL = 5
/** Longer than any run of the benchmark waits. */
const LONG = 120_000

/** @param {string} folder */
function target(folder) {
  const file = join(folder, 'target')
  closeSync(openSync(file, 'a'))
  return file
}

/** @param {string} folder @param {object} options @returns {Contender} */
function properLockfile(folder, options) {
  const { lock } = require('proper-lockfile')
  const file = target(folder)
  return { acquire: () => lock(file, options) }
}

/** @type {Record<string, (folder: string) => Contender>} */
export const contenders = {
  latchkey: folder => {
    const locks = new LocalLock({ directory: join(folder, 'locks') })
    return {
      acquire: async () => {
        const lease = await locks.acquire('key')
        return () => lease.release()
      }
    }
  },
  'latchkey (sqlite)': folder => {
    const locks = new LocalLock({ directory: join(folder, 'locks'), engine: 'sqlite' })
    return {
      acquire: async () => {
        const lease = await locks.acquire('key')
        return () => lease.release()
      }
    }
  },
  'proper-lockfile': folder =>
    properLockfile(folder, { retries: { retries: LONG / POLL, factor: 1, minTimeout: POLL, maxTimeout: POLL } }),
  'proper-lockfile, its own retries': folder => properLockfile(folder, { retries: 100 }),
  lockfile: folder => {
    const { lock, unlock } = require('lockfile')
    const file = join(folder, 'target.lock')
    return {
      acquire: () =>
        new Promise((resolve, reject) => {
          const release = () => new Promise(done => unlock(file, () => done(undefined)))
          // Without `stale` a killed holder keeps it forever; 5 s is what proper-lockfile allows at least.
          const options = { wait: LONG, pollPeriod: POLL, stale: 5000 }
          lock(file, options, (/** @type {unknown} */ error) => (error ? reject(error) : resolve(release)))
        })
    }
  },
  'flock(1)': folder => {
    const file = target(folder)
    return {
      acquire: () =>
        new Promise((resolve, reject) => {
          const child = spawn('flock', [file, 'sh', '-c', 'echo; read line'], { stdio: ['pipe', 'pipe', 'ignore'] })
          child.on('error', reject)
          const release = () =>
            new Promise(done => {
              child.once('exit', done)
              child.stdin.end('\n')
            })
          child.stdout.once('data', () => resolve(release))
        })
    }
  },
  'node:sqlite by hand': folder => {
    const { DatabaseSync } = /** @type {any} */ (process.getBuiltinModule('node:sqlite'))
    const file = join(folder, 'hand.sqlite')
    closeSync(openSync(file, 'a'))
    const database = new DatabaseSync(file, { timeout: 0 })
    return {
      acquire: async () => {
        for (;;) {
          try {
            database.exec('BEGIN EXCLUSIVE')
            return () => database.exec('ROLLBACK')
          } catch {
            await sleep(POLL)
          }
        }
      }
    }
  }
}

/** Those that this machine can run. @returns {string[]} */
export function available() {
  return Object.keys(contenders).filter(name => {
    if (!name.includes('sqlite')) return true
    return process.getBuiltinModule?.('node:sqlite') !== undefined
  })
}

/** A folder of its own for each contender. @param {string} root @param {string} name */
export const folderOf = (root, name) => join(root, name.replace(/\W+/g, '-'))
