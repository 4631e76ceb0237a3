// What a hub merges: how each kind is listed, and by what its items are told apart.

import type { Kind, ToolSource } from './types.js'

interface KindOf {
  /** In messages and error codes. */
  readonly noun: 'tool' | 'prompt' | 'resource' | 'resource template'
  readonly code: 'TOOL' | 'PROMPT' | 'RESOURCE'
  readonly list: 'listTools' | 'listPrompts' | 'listResources' | 'listResourceTemplates'
  /** What the server has to be capable of. */
  readonly capability: 'tools' | 'prompts' | 'resources'
  /** By what an item is called. */
  readonly id: 'name' | 'uri' | 'uriTemplate'
  /** Whether `naming` applies: a URI is one name for one thing everywhere. */
  readonly isNamed: boolean
}

export const KINDS: Readonly<Record<Kind, KindOf>> = {
  tools: { noun: 'tool', code: 'TOOL', list: 'listTools', capability: 'tools', id: 'name', isNamed: true },
  prompts: { noun: 'prompt', code: 'PROMPT', list: 'listPrompts', capability: 'prompts', id: 'name', isNamed: true },
  resources: {
    noun: 'resource',
    code: 'RESOURCE',
    list: 'listResources',
    capability: 'resources',
    id: 'uri',
    isNamed: false
  },
  resourceTemplates: {
    noun: 'resource template',
    code: 'RESOURCE',
    list: 'listResourceTemplates',
    capability: 'resources',
    id: 'uriTemplate',
    isNamed: false
  }
}

export const ALL_KINDS = Object.keys(KINDS) as Kind[]

/** The kinds that a source has, as far as it can be told before it is asked. */
export function kindsOf(source: ToolSource): Kind[] {
  const capabilities = source.getServerCapabilities?.()
  return ALL_KINDS.filter(kind => {
    const { list, capability } = KINDS[kind]
    return typeof source[list] === 'function' && (capabilities === undefined || capabilities[capability] !== undefined)
  })
}

/** JSON-RPC: the server knows no such list, so it has nothing of that kind. */
export const isMethodUnknown = (error: unknown): boolean =>
  (error as { code?: unknown } | null | undefined)?.code === -32601
