// How the hub says no.

import { show } from './checks.js'
import { KINDS } from './kinds.js'
import type { Kind } from './types.js'

/** Every `code` of a `ToolHubError`. */
export type ToolHubErrorCode =
  | `ERR_SERVER_${'CONNECTED' | 'DISCONNECTED' | 'REPLACING' | 'UNKNOWN'}`
  | `ERR_${'TOOL' | 'PROMPT' | 'RESOURCE'}_${'MALFORMED' | 'NAME_TAKEN' | 'UNKNOWN'}`

/** Why the hub said no. Compare `code`. */
export class ToolHubError extends Error {
  readonly code: ToolHubErrorCode

  constructor(code: ToolHubErrorCode, message: string) {
    super(`ToolHub: ${message}`)
    this.code = code
  }

  override get name(): 'ToolHubError' {
    return 'ToolHubError'
  }
}

export function malformed(kind: Kind, serverId: string, what: string, expected: string, value: unknown): ToolHubError {
  const fault = `${what} must be ${expected}, got ${show(value)}`
  const { code } = KINDS[kind]
  return new ToolHubError(`ERR_${code}_MALFORMED`, `server ${show(serverId)} sent a malformed list: ${fault}`)
}

export function nameTaken(kind: Kind, name: string, owner: string, newcomer: string): ToolHubError {
  const { noun, code } = KINDS[kind]
  const both = `one of server ${show(owner)}, one of server ${show(newcomer)} (see options.naming)`
  return new ToolHubError(`ERR_${code}_NAME_TAKEN`, `two ${noun}s would be named ${show(name)}: ${both}`)
}

export function unknown(kind: Kind, name: string): ToolHubError {
  const { noun, code } = KINDS[kind]
  return new ToolHubError(`ERR_${code}_UNKNOWN`, `no connected server offers a ${noun} ${show(name)}`)
}

export function throwAll(failures: Map<string, unknown>, what: string): void {
  if (failures.size === 0) return
  throw new AggregateError(failures.values(), `ToolHub: ${what}: ${Array.from(failures.keys(), show).join(', ')}`)
}
