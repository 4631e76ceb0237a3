// How the hub says no.

import { show } from './checks.js'

/** Every `code` of a `ToolHubError`. */
export type ToolHubErrorCode =
  | `ERR_SERVER_${'CONNECTED' | 'DISCONNECTED' | 'UNKNOWN'}`
  | `ERR_TOOL_${'MALFORMED' | 'NAME_TAKEN' | 'UNKNOWN'}`

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

export function wellFormed(ok: boolean, serverId: string, what: string, expected: string, value: unknown): void {
  const fault = `${what} must be ${expected}, got ${show(value)}`
  if (!ok) throw new ToolHubError('ERR_TOOL_MALFORMED', `server ${show(serverId)} sent a malformed list: ${fault}`)
}

export function nameTaken(name: string, owner: string, newcomer: string): ToolHubError {
  const both = `one of server ${show(owner)}, one of server ${show(newcomer)} (see options.naming)`
  return new ToolHubError('ERR_TOOL_NAME_TAKEN', `two tools would be named ${show(name)}: ${both}`)
}

export function throwAll(failures: Map<string, unknown>, what: string): void {
  if (failures.size === 0) return
  throw new AggregateError(failures.values(), `ToolHub: ${what}: ${Array.from(failures.keys(), show).join(', ')}`)
}
