/// <reference types="node" />
// Where the queues are: a folder for each key, in a directory that all processes agree on.

import { chmodSync, lstatSync, mkdirSync, statfsSync, statSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { LockEngineError } from '../contract.js'
import { codeOf } from './errors.js'

/** Which users share the locks of a directory. */
export type Access = 'private' | 'group' | 'everyone'

interface Modes {
  readonly directory: number
  /** With the sticky bit: it tells the clean-up of temporary files to leave an entry alone. */
  readonly entry: number
}

export const MODES: Readonly<Record<Access, Modes>> = {
  private: { directory: 0o700, entry: 0o1600 },
  // New folders belong to the group of the directory, not to that of the process.
  group: { directory: 0o2770, entry: 0o1660 },
  everyone: { directory: 0o777, entry: 0o1666 }
}

const uid = (): number => process.getuid?.() ?? -1

/**
 * The same for all processes of a user. Not by `TMPDIR`: two processes that have different ones would both hold. Where a
 * user has a fixed place for temporary files (Windows), that.
 */
export const defaultDirectory = (): string =>
  process.platform === 'win32' ? join(tmpdir(), `latchkey-${userInfo().username}`) : `/tmp/latchkey-${uid()}`

/** File systems that other machines may write to, where a socket or a lock of this kernel says nothing about them. */
export const SHARED_FILE_SYSTEMS: Readonly<Record<number, string>> = {
  26985: 'NFS',
  20859: 'SMB',
  4266872130: 'SMB',
  4283649346: 'SMB',
  16914839: '9p',
  1702057286: 'FUSE',
  12805120: 'Ceph',
  1397113167: 'AFS',
  1799439955: 'AFS',
  1937076805: 'Coda',
  22092: 'NCP',
  18225520: 'GFS2',
  1952539503: 'OCFS2',
  198183888: 'Lustre',
  1196443219: 'GPFS',
  428016422: 'BeeGFS',
  2020557398: 'a shared folder of VirtualBox',
  3133910204: 'a shared folder of VMware',
  2088527475: 'a shared folder of Parallels'
}

/** Refuses what is reached over a network or shared with a host. */
export function refuseShared(label: string, directory: string): void {
  const isUnc = process.platform === 'win32' && /^[\\/]{2}/.test(directory)
  const kind = isUnc ? 'SMB' : process.platform === 'linux' ? SHARED_FILE_SYSTEMS[typeOf(directory)] : undefined
  if (kind === undefined) return
  throw new LockEngineError(
    'ERR_ENGINE_NETWORK_DIRECTORY',
    `${label}: ${directory} is on ${kind}, where processes of other machines cannot be excluded. Give all processes a \`directory\` on a disk of this machine, or take latchkey/redis or latchkey/postgres`
  )
}

const typeOf = (directory: string): number => Number(statfsSync(directory).type) >>> 0

/** Makes `directory`, or sees that what is there may be used. Throws a `LockEngineError` or what the file system throws. */
export function prepareDirectory(label: string, directory: string, access: Access): void {
  const path = resolve(directory)
  makeFolder(path, access, true)
  refuseForeign(label, path, access)
  refuseShared(label, path)
}

/** Refuses a folder in which others could make or remove what we rely on, if it is there. */
export function refuseForeign(label: string, path: string, access: Access): void {
  const why = access === 'private' && process.platform !== 'win32' ? whyNotPrivate(path) : undefined
  if (why === undefined) return
  throw new LockEngineError(
    'ERR_ENGINE_DIRECTORY',
    `${label}: ${path} ${why}. Give a \`directory\` that only this user can write, or say \`access: 'group'\` or \`'everyone'\` in all processes`
  )
}

function whyNotPrivate(path: string): string | undefined {
  const link = lstatSync(path, { throwIfNoEntry: false })
  const folder = statSync(path, { throwIfNoEntry: false })
  if (link === undefined || folder === undefined) return undefined
  // A link of this user is as good as its target; one of another user is a trap.
  for (const { uid: owner } of [link, folder]) if (owner !== uid()) return `belongs to another user (uid ${owner})`
  return (folder.mode & 0o022) === 0 ? undefined : 'can be written by other users'
}

/** Makes a folder with the rights that `access` asks for, whatever the umask. What is there already stays as it is. */
export function makeFolder(path: string, access: Access, recursive = false): void {
  const { directory: mode } = MODES[access]
  try {
    if (recursive && !makeAll(path, mode)) return
    if (!recursive) mkdirSync(path, { mode })
  } catch (error) {
    const stat = codeOf(error) === 'EEXIST' ? lstatSync(path, { throwIfNoEntry: false }) : undefined
    // It was there, and may have gone again: then the caller makes it anew.
    if (codeOf(error) === 'EEXIST' && (stat === undefined || stat.isDirectory())) return
    throw error
  }
  try {
    chmodSync(path, mode)
  } catch (error) {
    // Another process has used it meanwhile, and removed it.
    if (codeOf(error) !== 'ENOENT') throw error
  }
}

/** For so long after it was made may something be without its rights, in ms. */
const MAKING_MS = 1000
/** So often does a caller look again, after a ms, whether another user has made what it needs. */
export const MOST_WAITS = 50

/**
 * Whether something has just been made, and has not been given its rights: that takes two calls, and another user is denied
 * between them.
 */
export function isBeingMade(path: string, rights: number): boolean {
  try {
    const stat = lstatSync(path, { throwIfNoEntry: false })
    return stat !== undefined && (stat.mode & rights) !== rights && Math.abs(Date.now() - stat.ctimeMs) < MAKING_MS
  } catch {
    return false // The folder above it is being made, if any.
  }
}

/** Makes a folder and those above it. `false`: it was there. */
function makeAll(path: string, mode: number): boolean {
  try {
    return mkdirSync(path, { mode, recursive: true }) !== undefined
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
    // Of a file system that is read-only, Node says that something is not there. Asked for this folder alone it tells.
    mkdirSync(path, { mode })
    return true
  }
}
