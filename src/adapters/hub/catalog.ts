// What is offered, of which server, under which name, and in which order. Everything here is one synchronous step: the
// check that a name is free and the change that takes it have no `await` between them.

import { checkText } from './checks.js'
import type { Connection, Entry } from './connection.js'
import { nameTaken } from './errors.js'
import { ALL_KINDS, KINDS } from './kinds.js'
import type { Kind, NameConflict, ToolHubOptions, ToolSource } from './types.js'

/** What one server listed, of each kind in its order. */
export type Listed = ReadonlyMap<Kind, readonly { readonly ownName: string; readonly definition: object }[]>

/** Of servers that have left, so many keep their place. */
const REMEMBERED = 1000

export class Catalog<S extends ToolSource> {
  readonly #naming: (serverId: string, ownName: string) => string
  readonly #onConflict: 'refuse' | 'skip' | ((conflict: NameConflict) => string)
  readonly #byName: Record<Kind, Map<string, Entry<S>>> = {
    tools: new Map(),
    prompts: new Map(),
    resources: new Map(),
    resourceTemplates: new Map()
  }
  /** What each server offers, in its order. Servers in the order in which they first came; those that left are empty. */
  readonly #byServer = new Map<string, Record<Kind, readonly Entry<S>[]> | undefined>()
  /** The kinds that have changed since this was looked at. */
  readonly #changed = new Set<Kind>()

  constructor({ naming = 'prefix', onConflict = 'refuse' }: Pick<ToolHubOptions<S>, 'naming' | 'onConflict'>) {
    const byRule = (serverId: string, ownName: string) => (naming === 'plain' ? ownName : `${serverId}__${ownName}`)
    this.#naming = typeof naming === 'function' ? naming : byRule
    this.#onConflict = onConflict
  }

  get(kind: Kind, name: string): Entry<S> | undefined {
    return this.#byName[kind].get(name)
  }

  /** By server, and of each in its own order. */
  *entries(kind: Kind): IterableIterator<Entry<S>> {
    for (const offered of this.#byServer.values()) if (offered !== undefined) yield* offered[kind]
  }

  count(serverId: string, kind: Kind): number {
    return this.#byServer.get(serverId)?.[kind].length ?? 0
  }

  /** A server has come: it has its place from now on. */
  enter(serverId: string): void {
    if (this.#byServer.has(serverId)) return
    this.#byServer.set(serverId, undefined)
    if (this.#byServer.size <= REMEMBERED) return
    for (const [id, offered] of this.#byServer) {
      if (offered !== undefined || id === serverId) continue
      this.#byServer.delete(id)
      break
    }
  }

  /**
   * Replaces what a server offers, all or nothing. What has not changed stays what it was.
   *
   * @returns what was left out, a sentence each
   */
  offer(connection: Connection<S>, listed: Listed): string[] {
    const skipped: string[] = []
    const offers = {} as Record<Kind, Entry<S>[]>
    for (const kind of ALL_KINDS) {
      const names = new Map<string, Entry<S>>()
      for (const { ownName, definition } of listed.get(kind) ?? []) {
        const name = this.#nameFor(kind, ownName, connection, names)
        if (name === undefined) skipped.push(`${KINDS[kind].noun} ${JSON.stringify(ownName)}: its name is taken`)
        else names.set(name, { kind, name, ownName, definition, text: JSON.stringify(definition), connection })
      }
      offers[kind] = [...names.values()]
    }
    this.#replace(connection, offers)
    return skipped
  }

  /** Takes away all that a server offers, unless another connection offers it by now. */
  withdraw(connection: Connection<S>): void {
    const offered = this.#byServer.get(connection.id)
    if (offered === undefined || ALL_KINDS.some(kind => offered[kind].some(entry => entry.connection !== connection)))
      return
    this.#replace(connection, { tools: [], prompts: [], resources: [], resourceTemplates: [] })
    this.#byServer.set(connection.id, undefined)
  }

  /** What has changed since the last time that this was asked. */
  takeChanges(): Set<Kind> {
    const changed = new Set(this.#changed)
    this.#changed.clear()
    return changed
  }

  get hasChanged(): boolean {
    return this.#changed.size > 0
  }

  /** Undefined: it is left out. */
  #nameFor(
    kind: Kind,
    ownName: string,
    connection: Connection<S>,
    names: ReadonlyMap<string, Entry<S>>
  ): string | undefined {
    const { id, replaces } = connection
    const ownerOf = (name: string): string | undefined => {
      const owner = names.get(name)?.connection ?? this.get(kind, name)?.connection
      const isOwn = !names.has(name) && (owner === connection || (owner !== undefined && owner === replaces))
      return isOwn ? undefined : owner?.id
    }
    const name = KINDS[kind].isNamed ? this.#naming(id, ownName) : ownName
    checkText('what options.naming returns', name)
    const ownerId = ownerOf(name)
    if (ownerId === undefined) return name
    if (this.#onConflict === 'skip') return undefined
    if (this.#onConflict === 'refuse') throw nameTaken(kind, name, ownerId, id)
    const other = this.#onConflict({ kind, name, ownerId, serverId: id, ownName })
    checkText('what options.onConflict returns', other)
    const otherOwner = ownerOf(other)
    if (otherOwner !== undefined) throw nameTaken(kind, other, otherOwner, id)
    return other
  }

  #replace(connection: Connection<S>, offers: Record<Kind, Entry<S>[]>): void {
    const { id } = connection
    const before = this.#byServer.get(id)
    for (const kind of ALL_KINDS) {
      const byName = this.#byName[kind]
      const old = before?.[kind] ?? []
      const kept = offers[kind].map(entry => {
        const known = byName.get(entry.name)
        if (known?.text !== entry.text || known.ownName !== entry.ownName) return entry
        known.connection = connection
        return known
      })
      if (old.length !== kept.length || kept.some((entry, index) => entry !== old[index])) this.#changed.add(kind)
      for (const { name } of old) byName.delete(name)
      for (const entry of kept) byName.set(entry.name, entry)
      offers[kind] = kept
    }
    this.#byServer.set(id, offers)
  }
}
