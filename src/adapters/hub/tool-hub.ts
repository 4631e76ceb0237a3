// ToolHub: the tools of many servers behind one registry, kept right while servers come, change, stall, die and return.
//
// | what is guarded              | by                                             | the race it closes                     |
// |------------------------------|------------------------------------------------|----------------------------------------|
// | the refreshes of one server  | `KeyedMutex`, one queue for each server id     | an old list overwrites a newer one;    |
// |                              |                                                | a slow server holds up the others      |
// | the place at the end of it   | `Connection.queued`, shared by all who want it | a storm of notifications piles up      |
// | what the registrar holds     | `Mutex`, one reconciliation at a time          | one tool is registered twice           |
// | who is connected             | a `Connection` per `connect`, told by identity | a list lands after its server was      |
// |                              | and ended by its own AbortSignal               | disconnected, or came back as another  |
// | who owns a name              | nothing: check and change in one synchronous   | two servers both get it                |
// |                              | step, without an `await` between them          |                                        |
//
// A server is asked while its own key is held and nothing else. Locks are taken in one order, server before registrar,
// so they cannot deadlock.

import { KeyedMutex, LockClosedError, Mutex } from 'latchkey'
import { check, checkText, has, isRecord, show, signalOf } from './checks.js'
import { nameTaken, ToolHubError, throwAll, wellFormed } from './errors.js'
import { scoped } from './scoped.js'
import type { DefinitionOf, HubTool, ResultOf, ToolHandle, ToolHubOptions, ToolRegistrar, ToolSource } from './types.js'

/** One stay of a server. A server that leaves and returns under its id is another connection. */
interface Connection<S> {
  readonly id: string
  readonly source: S
  /** Aborted when the stay ends, after its tools have left `#tools`. */
  readonly life: AbortController
  /** The refresh that waits in the queue and has not begun. A caller that comes now shares it. */
  queued: Promise<void> | undefined
}

interface Entry<S extends ToolSource> {
  readonly tool: HubTool<DefinitionOf<S>>
  readonly connection: Connection<S>
  /** The definition as text: a tool that has not changed is not registered again. */
  readonly text: string
  /** What the registrar returned for it. */
  handle?: ToolHandle | undefined
}

/** A server that never ends its list would keep us for ever. */
const MAX_PAGES = 1000

/** Merges the tools of many servers. See the head of this file for how, and `docs/recipes/hub.md` for its use. */
export class ToolHub<S extends ToolSource = ToolSource> {
  /** Who is connected now, or connecting. */
  readonly #connections = new Map<string, Connection<S>>()
  /** What is offered. Every entry belongs to a living connection; changes in synchronous steps only. */
  readonly #tools = new Map<string, Entry<S>>()
  /** What the registrar holds. Follows `#tools`; changes under `#registry` only. */
  readonly #exposed = new Map<string, Entry<S>>()
  readonly #servers: KeyedMutex<string>
  readonly #registry: Mutex
  readonly #name: (serverId: string, toolName: string) => string
  readonly #registrar: ToolRegistrar<DefinitionOf<S>> | undefined
  #closing: Promise<void> | undefined

  constructor(options: ToolHubOptions<S> = {}) {
    check(isRecord(options), 'options', 'an object', options)
    const { naming = 'prefix', registrar, observer } = options
    const rule = naming === 'prefix' || naming === 'plain' || typeof naming === 'function'
    check(rule, 'options.naming', "'prefix', 'plain' or a function", naming)
    const fits = registrar === undefined || has(registrar, 'register')
    check(fits, 'options.registrar', 'an object with a method register', registrar)
    check(observer === undefined || isRecord(observer), 'options.observer', 'a LockObserver', observer)
    this.#servers = new KeyedMutex<string>({ name: 'ToolHub servers', observer })
    this.#registry = new Mutex({ name: 'ToolHub registrar', observer })
    this.#name = typeof naming === 'function' ? naming : (id, own) => (naming === 'plain' ? own : `${id}__${own}`)
    this.#registrar = registrar
  }

  /**
   * Lists a server's tools and offers them. Rejects, and leaves nothing behind, when they cannot all be had: with the
   * error of the server or the registrar, or with a `ToolHubError`.
   *
   * *Cancellation*: ends the attempt. The listing is aborted, what was registered is taken back, and only then does the
   * call reject with the signal's reason. `disconnect` and `close` end it too. A connect that was done first stands.
   */
  connect(serverId: string, source: S, options?: { signal?: AbortSignal | undefined }): Promise<void> {
    checkText('serverId', serverId)
    const fits = has(source, 'listTools') && has(source, 'callTool')
    check(fits, 'source', 'an object with methods listTools and callTool', source)
    return this.#connect({ id: serverId, source, life: new AbortController(), queued: undefined }, signalOf(options))
  }

  async #connect(connection: Connection<S>, signal: AbortSignal | undefined): Promise<void> {
    const { id } = connection
    if (signal?.aborted) throw signal.reason
    this.#refuseWhenClosed()
    if (this.#connections.has(id)) {
      throw new ToolHubError('ERR_SERVER_CONNECTED', `server ${show(id)} is connected already: disconnect it first`)
    }
    this.#connections.set(id, connection)
    try {
      await scoped(signal, () => this.#load(connection))
    } catch (error) {
      // If the registrar then fails to take back what it has, that is the worse news, and what the caller hears.
      await this.#drop(connection, error)
      throw error
    }
  }

  /**
   * Withdraws a server's tools: from `tools()` before it returns, from the registrar before it resolves. A refresh that
   * is under way is aborted and changes nothing any more; calls that are under way run on. Resolves to whether the server
   * was connected. With a `source`, it is disconnected only while that one is connected, so that the late `onclose` of
   * one client does not take its successor with it.
   *
   * *Cancellation*: none. It waits for the registrar only; the server is gone from the moment of the call.
   */
  disconnect(serverId: string, source?: S): Promise<boolean> {
    checkText('serverId', serverId)
    const connection = this.#connections.get(serverId)
    if (connection === undefined || (source !== undefined && connection.source !== source)) {
      return (this.#closing ?? this.#expose(serverId)).then(() => false)
    }
    const reason = new ToolHubError('ERR_SERVER_DISCONNECTED', `server ${show(serverId)} was disconnected`)
    return this.#drop(connection, reason).then(() => true)
  }

  /**
   * Lists the tools of a server again, or of all, each at its own pace. The list is younger than the call: at most one
   * refresh of a server runs and one waits, and who comes meanwhile shares the one that waits. A refresh that fails
   * (the server is down, a tool is malformed, a name is taken) rejects and leaves the last good tools in place; if only
   * the registrar fails, the new ones can be called and the next change tries to expose them again. Without a `serverId`
   * it rejects with an `AggregateError` once all have been tried; to be disconnected meanwhile is no failure.
   *
   * *Cancellation*: gives up waiting, nothing else. The refresh goes on, for it is shared.
   */
  refresh(serverId?: string, options?: { signal?: AbortSignal | undefined }): Promise<void> {
    if (serverId !== undefined) checkText('serverId', serverId)
    return scoped(signalOf(options), async () => {
      this.#refuseWhenClosed()
      if (serverId === undefined) return this.#each('refresh', connection => this.#load(connection))
      const connection = this.#connections.get(serverId)
      if (!connection) throw new ToolHubError('ERR_SERVER_UNKNOWN', `no server ${show(serverId)} is connected`)
      await this.#load(connection)
    })
  }

  /**
   * Calls a tool by its name in the hub. Result and error are the server's own. Calls do not wait for each other, nor
   * for a refresh.
   *
   * *Cancellation*: the abort reaches the server's call, and the promise rejects at once with the signal's reason, even
   * if the server does not listen. A signal that has aborted already keeps the call from being made. A result that came
   * first stands.
   */
  callTool(
    name: string,
    args: Record<string, unknown> = {},
    options?: { signal?: AbortSignal | undefined }
  ): Promise<ResultOf<S>> {
    checkText('name', name)
    check(isRecord(args), 'args', 'an object', args)
    return scoped(signalOf(options), signal => {
      this.#refuseWhenClosed()
      const entry = this.#tools.get(name)
      if (!entry) throw new ToolHubError('ERR_TOOL_UNKNOWN', `no connected server offers a tool ${show(name)}`)
      const params = { name: entry.tool.definition.name, arguments: args }
      return entry.connection.source.callTool(params, undefined, { signal }) as PromiseLike<ResultOf<S>>
    })
  }

  /**
   * What is offered now, never the half of a list.
   *
   * *Cancellation*: it does not wait.
   */
  tools(): HubTool<DefinitionOf<S>>[] {
    return Array.from(this.#tools.values(), ({ tool }) => tool)
  }

  /**
   * Disconnects all; resolves when the registrar holds nothing any more and no refresh runs. From the call on, all else
   * is refused with a `LockClosedError`. Calls that are under way run on, and the servers stay open: they are yours.
   * Called again, it returns the same promise.
   *
   * *Cancellation*: none. It aborts every refresh, and waits for the registrar only.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const reason = new LockClosedError('ToolHub: the hub was closed')
    const idle = this.#servers.close(reason)
    try {
      await this.#each('withdraw', connection => this.#drop(connection, reason))
    } finally {
      await idle
    }
  }

  #refuseWhenClosed(): void {
    if (this.#servers.closed) throw new LockClosedError('ToolHub: the hub was closed')
  }

  async #each(verb: string, step: (connection: Connection<S>) => Promise<void>): Promise<void> {
    const failures = new Map<string, unknown>()
    const attempt = (connection: Connection<S>) =>
      step(connection).catch(error => {
        const { aborted, reason } = connection.life.signal
        if (!aborted || error !== reason) failures.set(connection.id, error)
      })
    await Promise.all([...this.#connections.values()].map(attempt))
    throwAll(failures, `failed to ${verb} servers`)
  }

  /** Ends a stay: its tools leave and its refreshes abort before this returns, the registrar follows. */
  #drop(connection: Connection<S>, reason: unknown): Promise<void> {
    // It may have ended before, and its id belong to a successor.
    if (this.#connections.get(connection.id) === connection) this.#connections.delete(connection.id)
    for (const [name, entry] of this.#tools) if (entry.connection === connection) this.#tools.delete(name)
    connection.life.abort(reason)
    return this.#expose(connection.id)
  }

  /** Lists and offers the tools of a server: in the refresh that waits in its queue, or else in a new one. */
  #load(connection: Connection<S>): Promise<void> {
    if (connection.queued) return connection.queued
    const { signal } = connection.life
    let begun = false
    const refresh = async () => {
      begun = true
      connection.queued = undefined
      this.#offer(connection, await this.#list(connection))
      await this.#expose(connection.id)
      // The stay may have ended meanwhile: `connect` must not say that it has begun.
      signal.throwIfAborted()
    }
    const loaded = this.#servers.runExclusive(connection.id, refresh, { signal })
    if (!begun) connection.queued = loaded // on a free key it has begun by now
    return loaded
  }

  /** All pages of a server's list, checked. */
  async #list(connection: Connection<S>): Promise<Map<string, Entry<S>>> {
    const { id, source, life } = connection
    const listed = new Map<string, Entry<S>>()
    let cursor: string | undefined
    for (let page = 1; page === 1 || cursor; page++) {
      wellFormed(page <= MAX_PAGES, id, 'nextCursor', `absent after ${MAX_PAGES} pages`, cursor)
      const list = await scoped(life.signal, signal => source.listTools(cursor ? { cursor } : undefined, { signal }))
      wellFormed(Array.isArray(list?.tools), id, 'tools', 'an array', list?.tools)
      for (const definition of list.tools as DefinitionOf<S>[]) {
        const at = `tools[${listed.size}]`
        wellFormed(isRecord(definition), id, at, 'an object', definition)
        const { name: own, inputSchema } = definition
        wellFormed(typeof own === 'string' && own !== '', id, `${at}.name`, 'a non-empty string', own)
        wellFormed(isRecord(inputSchema), id, `${at}.inputSchema (${own})`, 'an object', inputSchema)
        const name = this.#name(id, own)
        checkText('what options.naming returns', name)
        if (listed.has(name)) throw nameTaken(name, id, id)
        const tool = { name, serverId: id, definition }
        listed.set(name, { tool, connection, text: JSON.stringify(definition) })
      }
      cursor = list.nextCursor
    }
    return listed
  }

  /** Replaces what a server offers, all or nothing. There is no `await` in here: that makes it one step. */
  #offer(connection: Connection<S>, listed: Map<string, Entry<S>>): void {
    // The list may have been on its way to us when the stay ended.
    connection.life.signal.throwIfAborted()
    for (const name of listed.keys()) {
      const owner = this.#tools.get(name)?.connection ?? connection
      if (owner !== connection) throw nameTaken(name, owner.id, connection.id)
    }
    for (const [name, entry] of this.#tools) {
      if (entry.connection === connection && !listed.has(name)) this.#tools.delete(name)
    }
    for (const [name, entry] of listed) if (this.#tools.get(name)?.text !== entry.text) this.#tools.set(name, entry)
  }

  /**
   * Makes the registrar hold what is offered. Who changes `#tools` calls this afterwards, so the last one to run has seen
   * every change. What the registrar refuses is tried again each time, and reported to callers who act on that server.
   */
  #expose(serverId: string): Promise<void> {
    return this.#registry.runExclusive(async () => {
      const registrar = this.#registrar
      const failures = new Map<string, unknown>()
      const attempt = async ({ tool }: Entry<S>, step: () => Promise<unknown>) =>
        step().catch(error => tool.serverId === serverId && failures.set(tool.name, error))
      for (const [name, entry] of this.#exposed) {
        if (this.#tools.get(name) === entry) continue
        await attempt(entry, async () => {
          await entry.handle?.remove()
          this.#exposed.delete(name)
        })
      }
      for (const [name, entry] of this.#tools) {
        if (this.#exposed.has(name)) continue
        await attempt(entry, async () => {
          entry.handle = await registrar?.register(entry.tool)
          check(
            !registrar || has(entry.handle, 'remove'),
            'what registrar.register returns',
            'an object with a method remove',
            entry.handle
          )
          this.#exposed.set(name, entry)
        })
      }
      throwAll(failures, 'the registrar failed for tools')
    })
  }
}
