// All pages of a server's lists, checked.

import type { Listed } from './catalog.js'
import { check, checkText, isRecord } from './checks.js'
import type { Connection } from './connection.js'
import { malformed } from './errors.js'
import { ALL_KINDS, isMethodUnknown, KINDS, kindsOf } from './kinds.js'
import { scoped } from './scoped.js'
import type { Kind, KnownOffer, PageParams, ToolSource } from './types.js'

/** A server that never ends its list would be asked forever. */
const MAX_PAGES = 1000

type List = (
  params: PageParams | undefined,
  options: { signal: AbortSignal; timeout?: number }
) => PromiseLike<{ readonly nextCursor?: string | undefined; readonly [field: string]: unknown }>

/**
 * Asks for one kind after another.
 *
 * @param skipped where it is told what was left out; absent: a list with something malformed in it is refused
 */
export async function listAll<S extends ToolSource>(
  connection: Connection<S>,
  source: S,
  signal: AbortSignal,
  skipped?: string[]
): Promise<Listed> {
  const listed = new Map<Kind, { ownName: string; definition: object }[]>()
  for (const kind of kindsOf(source)) listed.set(kind, await list(connection, source, kind, signal, skipped))
  return listed
}

async function list<S extends ToolSource>(
  { id, timeout }: Connection<S>,
  source: S,
  kind: Kind,
  signal: AbortSignal,
  skipped: string[] | undefined
): Promise<{ ownName: string; definition: object }[]> {
  const method = KINDS[kind].list
  const found = new Map<string, { ownName: string; definition: object }>()
  let cursor: string | undefined
  let index = 0
  for (let page = 1; page === 1 || cursor; page++) {
    if (page > MAX_PAGES) throw malformed(kind, id, 'nextCursor', `absent after ${MAX_PAGES} pages`, cursor)
    const params = cursor ? { cursor } : undefined
    const answer = await scoped(signal, signal => {
      const options = timeout === undefined ? { signal } : { signal, timeout }
      return (source as unknown as Record<typeof method, List>)[method](params, options)
    }).catch(error => {
      if (signal.aborted || !isMethodUnknown(error)) throw error
      return { [kind]: [] as unknown[], nextCursor: undefined }
    })
    const items = answer?.[kind]
    if (!Array.isArray(items)) throw malformed(kind, id, kind, 'an array', items)
    for (const definition of items) {
      const fault = faultOf(kind, id, `${kind}[${index++}]`, definition, found)
      if (fault !== undefined) {
        if (skipped === undefined) throw fault
        skipped.push(fault.message)
        continue
      }
      const ownName = (definition as Record<string, string>)[KINDS[kind].id] as string
      found.set(ownName, { ownName, definition: definition as object })
    }
    cursor = answer.nextCursor
  }
  return [...found.values()]
}

function faultOf(kind: Kind, serverId: string, at: string, item: unknown, found: ReadonlyMap<string, unknown>) {
  const fault = (what: string, expected: string, value: unknown) => malformed(kind, serverId, what, expected, value)
  if (!isRecord(item)) return fault(at, 'an object', item)
  const { id } = KINDS[kind]
  const ownName = item[id]
  if (typeof ownName !== 'string' || ownName === '') return fault(`${at}.${id}`, 'a non-empty string', ownName)
  const { inputSchema } = item as { inputSchema?: unknown }
  if (kind === 'tools' && !isRecord(inputSchema))
    return fault(`${at}.inputSchema (${ownName})`, 'an object', inputSchema)
  if (found.has(ownName)) return fault(`${at}.${id}`, 'one that was not listed before', ownName)
  return undefined
}

/** What a user knows of a server that has not been asked yet. */
export function listedOf<S extends ToolSource>(known: KnownOffer<S>): Listed {
  check(isRecord(known), 'known', 'an object', known)
  const listed = new Map<Kind, { ownName: string; definition: object }[]>()
  for (const kind of ALL_KINDS) {
    const definitions: unknown = known[kind] ?? []
    check(Array.isArray(definitions), `known.${kind}`, 'an array', definitions)
    const items = (definitions as unknown[]).map((definition, index) => {
      const ownName = isRecord(definition) ? definition[KINDS[kind].id] : undefined
      checkText(`known.${kind}[${index}].${KINDS[kind].id}`, ownName)
      return { ownName: ownName as string, definition: definition as object }
    })
    listed.set(kind, items)
  }
  return listed
}
