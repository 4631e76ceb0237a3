// What the file system may refuse, and what to do about it.

import { LockEngineError, type LockEngineErrorCode } from '../contract.js'

type Advice = readonly [code: LockEngineErrorCode, text: string]

const ACCESS: Advice = [
  'ERR_ENGINE_ACCESS',
  "this process may not use it. Give it the rights, or give all processes another `directory`, or `access: 'group'` or `'everyone'`"
]
const READ_ONLY: Advice = ['ERR_ENGINE_ACCESS', 'it is read-only. Give all processes a `directory` that can be written']
const NO_SPACE: Advice = ['ERR_ENGINE_NO_SPACE', 'there is no space or no inode left. Free some, or raise the quota']
const TOO_MANY_FILES: Advice = [
  'ERR_ENGINE_TOO_MANY_FILES',
  'this process or this machine has too many files open. Each key that is held takes one descriptor, each that is waited for two: hold fewer keys at a time, or raise the limit (ulimit -n)'
]
const TOO_LONG: Advice = ['ERR_ENGINE_PATH_TOO_LONG', 'the path is too long. Give all processes a shorter `directory`']
const NO_DIRECTORY: Advice = ['ERR_ENGINE_DIRECTORY', 'it is not a directory, or its name leads through something else']

const ADVICE: Readonly<Record<string, Advice>> = {
  EACCES: ACCESS,
  EPERM: ACCESS,
  EROFS: READ_ONLY,
  ENOSPC: NO_SPACE,
  EDQUOT: NO_SPACE,
  EMFILE: TOO_MANY_FILES,
  ENFILE: TOO_MANY_FILES,
  ENAMETOOLONG: TOO_LONG,
  ENOTDIR: NO_DIRECTORY,
  EEXIST: NO_DIRECTORY
}

export const codeOf = (error: unknown): string | undefined => (error as { code?: string } | undefined)?.code

/** What a call of the file system threw, with what to do about it. */
export function explain(label: string, path: string, cause: unknown): LockEngineError {
  if (cause instanceof LockEngineError) return cause
  const [code, text] = ADVICE[codeOf(cause) ?? ''] ?? ['ERR_ENGINE_FAILED', (cause as Error).message]
  return new LockEngineError(code, `${label}: cannot lock in ${path}: ${text}`, { cause })
}

/** Files of the queue vanish: something that is not a lock removes them. */
export const wiped = (label: string, path: string): LockEngineError =>
  new LockEngineError(
    'ERR_ENGINE_WIPED',
    `${label}: files in ${path} vanish while they are in use. Find what removes them (a clean-up of temporary files?), and give all processes a \`directory\` that it leaves alone`
  )
