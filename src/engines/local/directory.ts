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
const SHARED_FILE_SYSTEMS: Readonly<Record<number, string>> = {
  0x6969: 'NFS',
  0x517b: 'SMB',
  0xfe534d42: 'SMB',
  0xff534d42: 'SMB',
  0x1021997: '9p',
  0x65735546: 'FUSE',
  0xc36400: 'Ceph',
  0x5346414f: 'AFS',
  0x6b414653: 'AFS',
  0x73757245: 'Coda',
  0x564c: 'NCP',
  0x1161970: 'GFS2',
  0x7461636f: 'OCFS2',
  0xbd00bd0: 'Lustre',
  0x47504653: 'GPFS',
  0x19830326: 'BeeGFS',
  0x786f4256: 'a shared folder of VirtualBox',
  0xbacbacbc: 'a shared folder of VMware',
  0x7c7c6673: 'a shared folder of Parallels'
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
  const why = access === 'private' && process.platform !== 'win32' ? whyNotPrivate(path) : undefined
  if (why !== undefined)
    throw new LockEngineError(
      'ERR_ENGINE_DIRECTORY',
      `${label}: ${path} ${why}. Give a \`directory\` that only this user can write, or say \`access: 'group'\` or \`'everyone'\` in all processes`
    )
  refuseShared(label, path)
}

function whyNotPrivate(path: string): string | undefined {
  // A link of this user is as good as its target; one of another user is a trap.
  for (const { uid: owner } of [lstatSync(path), statSync(path)])
    if (owner !== uid()) return `belongs to another user (uid ${owner})`
  return (statSync(path).mode & 0o022) === 0 ? undefined : 'can be written by other users'
}

/** Makes a folder with the rights that `access` asks for, whatever the umask. What is there already stays as it is. */
export function makeFolder(path: string, access: Access, recursive = false): void {
  const { directory: mode } = MODES[access]
  try {
    if (recursive && mkdirSync(path, { mode, recursive }) === undefined) return
    if (!recursive) mkdirSync(path, { mode })
    chmodSync(path, mode)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST' || !lstatSync(path).isDirectory()) throw error
  }
}
