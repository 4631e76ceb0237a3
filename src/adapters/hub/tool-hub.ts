// ToolHub: what many servers offer behind one registry, kept right while servers come, change, stall, die and return.
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
// |                              | step of `Catalog`, without an `await` between  |                                        |
// | what is subscribed to        | `KeyedMutex`, one queue for each URI           | the server keeps what was cancelled    |
//
// A server is asked while its own key is held and nothing else. Locks are taken in one order, server before registrar,
// so they cannot deadlock.
//
// Long because each method says here what it promises; how it is kept is in the files next to this one.

import { KeyedMutex, LockClosedError } from 'latchkey'
import { Catalog, type Listed } from './catalog.js'
import { check, checkText, isRecord, show, signalOf } from './checks.js'
import { Connection } from './connection.js'
import { ToolHubError, throwAll } from './errors.js'
import { Exposure } from './exposure.js'
import { promptOf, resourceOf, resourceTemplateOf, toolOf } from './items.js'
import { listAll, listedOf } from './listing.js'
import { Notifier } from './notifier.js'
import { checked, timeoutOf } from './options.js'
import { checkSource, methodOf, Requests } from './requests.js'
import { scoped } from './scoped.js'
import { Subscriptions } from './subscriptions.js'
import type {
  CallOptions,
  ConnectOptions,
  DefinitionOf,
  HubPrompt,
  HubResource,
  HubResourceTemplate,
  HubTool,
  KnownOffer,
  PromptOf,
  PromptResultOf,
  ResourceOf,
  ResourceResultOf,
  ResourceTemplateOf,
  ResultOf,
  ServerStatus,
  ToolHubOptions,
  ToolSource
} from './types.js'

/** Merges what many servers offer. See the head of this file for how, and `docs/recipes/hub.md` for its use. */
export class ToolHub<S extends ToolSource = ToolSource> {
  /** Those that are connected now, or connecting. */
  readonly #connections = new Map<string, Connection<S>>()
  /** What is offered. Every entry belongs to a living connection; changes in synchronous steps only. */
  readonly #catalog: Catalog<S>
  readonly #exposure: Exposure<S>
  readonly #subscriptions = new Subscriptions<S>()
  readonly #requests: Requests<S>
  readonly #servers: KeyedMutex<string>
  readonly #skipsMalformed: boolean
  #closing: Promise<void> | undefined

  /**
   * @throws TypeError for a wrong option.
   */
  constructor(options: ToolHubOptions<S> = {}) {
    const { naming, registrar, observer, onConflict, onMalformed, onChange, changeDelay, replaceWait } =
      checked(options)
    this.#servers = new KeyedMutex<string>({ name: 'ToolHub servers', observer })
    this.#skipsMalformed = onMalformed === 'skip'
    this.#catalog = new Catalog<S>({ naming, onConflict })
    this.#requests = new Requests<S>(this.#catalog, replaceWait, {
      refuseWhenClosed: () => this.#refuseWhenClosed(),
      sourceOf: connection => this.#sourceOf(connection)
    })
    const notifier = new Notifier(onChange, changeDelay)
    this.#exposure = new Exposure(this.#catalog, registrar, observer, kinds => notifier.add(kinds))
  }

  /**
   * Lists what a server has and offers it. Rejects, and leaves nothing behind, when it cannot all be had: with the
   * error of the server or the registrar, or with a `ToolHubError`. A server that has no such list has nothing of that
   * kind. Under an id that was connected before, its tools come where they were in the order.
   *
   * *Cancellation*: ends the attempt. The listing is aborted, what was registered is taken back, and only then does the
   * call reject with the signal's reason. `disconnect` and `close` end it too. A connect that was done first stands.
   */
  connect(serverId: string, source: S, options?: ConnectOptions): Promise<void> {
    checkText('serverId', serverId)
    checkSource('source', source)
    return this.#connect(new Connection<S>(serverId, source, timeoutOf(options)), signalOf(options))
  }

  /**
   * Offers what is known of a server, without asking it. It is opened when something of it is called for the first time,
   * or when it is refreshed, and lists what it has then. An `open` that fails rejects the call, and the next one tries
   * again. What `open` opened stays yours to close.
   *
   * *Cancellation*: ends the attempt; what was registered is taken back before the call rejects.
   */
  connectLazily(
    serverId: string,
    open: () => PromiseLike<S> | S,
    known: KnownOffer<S>,
    options?: ConnectOptions
  ): Promise<void> {
    checkText('serverId', serverId)
    check(typeof open === 'function', 'open', 'a function', open)
    return this.#connect(
      new Connection<S>(serverId, undefined, timeoutOf(options), open),
      signalOf(options),
      listedOf(known)
    )
  }

  async #connect(connection: Connection<S>, signal: AbortSignal | undefined, known?: Listed): Promise<void> {
    const { id } = connection
    if (signal?.aborted) throw signal.reason
    this.#refuseWhenClosed()
    if (this.#connections.has(id)) {
      throw new ToolHubError('ERR_SERVER_CONNECTED', `server ${show(id)} is connected already: disconnect it first`)
    }
    this.#connections.set(id, connection)
    this.#catalog.enter(id)
    try {
      await scoped(signal, () => (known === undefined ? this.#load(connection) : this.#offer(connection, known)))
    } catch (error) {
      // If the registrar then fails to take back what it has, that is the worse news, and what the caller hears.
      await this.#drop(connection, error)
      throw error
    }
  }

  /**
   * Puts another source in the place of the one that a server has, without a gap: its tools stay, and calls of them wait
   * until the new source is listed, for `replaceWait` at most. Only what has changed is registered anew. If the new source
   * fails, the old one stays. A server that is not connected is connected.
   *
   * *Cancellation*: an abort, `disconnect` and `close` end the attempt; the old source stays, and waiting calls go to it.
   * A replacement that was done first stands.
   */
  replace(serverId: string, source: S, options?: ConnectOptions): Promise<void> {
    checkText('serverId', serverId)
    checkSource('source', source)
    const current = this.#connections.get(serverId)
    if (current === undefined || this.#servers.closed) return this.connect(serverId, source, options)
    return this.#replace(current, new Connection<S>(serverId, source, timeoutOf(options)), signalOf(options))
  }

  async #replace(current: Connection<S>, next: Connection<S>, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) throw signal.reason
    if (current.replacement !== undefined || !current.isListed) {
      const state = current.isListed ? 'being replaced' : 'connecting'
      throw new ToolHubError('ERR_SERVER_REPLACING', `server ${show(current.id)} is ${state} already`)
    }
    next.replaces = current
    // Not when it ends because the new one has taken its place.
    const end = () => {
      if (next.replaces === current) next.end(current.life.signal.reason)
    }
    current.life.signal.addEventListener('abort', end)
    // A source that is replaced is often one that does not answer any more: it is not waited for.
    current.stopListing(disconnected(current.id, 'is being replaced'))
    const replaced = scoped(signal, () => this.#load(next))
    current.replacement = replaced.catch(() => {})
    try {
      await replaced
    } catch (error) {
      if (next.replaces === undefined) throw error // it has taken the place: only the registrar failed
      next.end(error)
      current.listAgain()
      throw error
    } finally {
      current.life.signal.removeEventListener('abort', end)
      current.replacement = undefined
    }
  }

  /**
   * Withdraws what a server offers: from `tools()` and the like before it returns, from the registrar before it resolves.
   * A refresh that is under way is aborted and changes nothing any more; calls that are under way run on. Resolves to
   * whether the server was connected. With a `source`, it is disconnected only while that one is connected, so that the
   * late `onclose` of one client does not take its successor with it.
   *
   * *Cancellation*: none. It waits for the registrar only; the server is gone from the moment of the call.
   */
  disconnect(serverId: string, source?: S): Promise<boolean> {
    checkText('serverId', serverId)
    const connection = this.#connections.get(serverId)
    if (connection === undefined || (source !== undefined && connection.source !== source)) {
      return (this.#closing ?? this.#exposure.follow(serverId)).then(() => false)
    }
    return this.#drop(connection, disconnected(serverId, 'was disconnected')).then(() => true)
  }

  /**
   * Lists what a server has again, or all of them, each at its own pace. The list is younger than the call: at most one
   * refresh of a server runs and one waits, and callers that come meanwhile share the one that waits. A refresh that fails
   * (the server is down, a tool is malformed, a name is taken) rejects and leaves the last good tools in place; if only
   * the registrar fails, the new ones can be called and the next change tries to expose them again. Without a `serverId`
   * it rejects with an `AggregateError` once all have been tried, the registrar too; to be disconnected meanwhile is no
   * failure, and lazy servers that have not been opened are left alone.
   *
   * *Cancellation*: leaves the wait, nothing else. The refresh goes on, for it is shared.
   */
  refresh(serverId?: string, options?: { signal?: AbortSignal | undefined }): Promise<void> {
    if (serverId !== undefined) checkText('serverId', serverId)
    return scoped(signalOf(options), async () => {
      this.#refuseWhenClosed()
      if (serverId === undefined) {
        const opened = [...this.#connections.values()].filter(({ source }) => source !== undefined)
        if (opened.length === 0) return this.#exposure.follow()
        return this.#each('refresh', opened, connection => this.#load(connection))
      }
      const connection = this.#connections.get(serverId)
      if (!connection) throw new ToolHubError('ERR_SERVER_UNKNOWN', `no server ${show(serverId)} is connected`)
      if (connection.source === undefined) await this.#sourceOf(connection)
      await this.#load(connection)
    })
  }

  /**
   * Calls a tool by its name in the hub. Result and error are the server's own. Calls do not wait for each other, nor
   * for a refresh; only for a source that is opened, or that replaces another. All of `options` goes to the source:
   * with a `Client` of the Model Context Protocol `onprogress`, `timeout` (ms), `resetTimeoutOnProgress` and so on.
   *
   * *Cancellation*: the abort reaches the server's call, and the promise rejects at once with the signal's reason, even
   * if the server does not listen. A signal that has aborted already keeps the call from being made. A result that came
   * first stands.
   */
  callTool(name: string, args: Record<string, unknown> = {}, options?: CallOptions<S>): Promise<ResultOf<S>> {
    checkText('name', name)
    check(isRecord(args), 'args', 'an object', args)
    return this.#requests.send('tools', name, options, (source, ownName, meta, request) =>
      source.callTool({ name: ownName, arguments: args, ...meta }, undefined, request)
    ) as Promise<ResultOf<S>>
  }

  /**
   * Gets a prompt by its name in the hub.
   *
   * *Cancellation*: as for `callTool`.
   */
  getPrompt(name: string, args: Record<string, string> = {}, options?: CallOptions<S>): Promise<PromptResultOf<S>> {
    checkText('name', name)
    check(isRecord(args), 'args', 'an object', args)
    return this.#requests.send('prompts', name, options, (source, ownName, meta, request) =>
      methodOf(source, 'getPrompt')({ name: ownName, arguments: args, ...meta }, request)
    ) as Promise<PromptResultOf<S>>
  }

  /**
   * Reads a resource: of the server that lists the URI, or else of the first with a template that it may come from.
   *
   * *Cancellation*: as for `callTool`.
   */
  readResource(uri: string, options?: CallOptions<S>): Promise<ResourceResultOf<S>> {
    checkText('uri', uri)
    return this.#requests.send('resources', uri, options, (source, _, meta, request) =>
      methodOf(source, 'readResource')({ uri, ...meta }, request)
    ) as Promise<ResourceResultOf<S>>
  }

  /**
   * Asks the server of a resource to tell when it changes: once, however many ask, and again whenever the server comes
   * back. What it tells goes to the source that you connected.
   *
   * *Cancellation*: an abort rejects, and the request is taken back.
   */
  subscribeResource(uri: string, options?: CallOptions<S>): Promise<void> {
    checkText('uri', uri)
    const signal = signalOf(options)
    return scoped(signal, async inner => {
      this.#refuseWhenClosed()
      const { connection } = this.#requests.entryOf('resources', uri)
      await this.#subscriptions.add(uri, connection, { ...options, signal: inner })
    })
  }

  /**
   * Takes back one `subscribeResource`; the last one tells the server.
   *
   * *Cancellation*: an abort rejects; the subscription is taken back all the same.
   */
  unsubscribeResource(uri: string, options?: CallOptions<S>): Promise<void> {
    checkText('uri', uri)
    const signal = signalOf(options)
    const connection = this.#requests.find('resources', uri)?.connection
    return scoped(signal, inner => this.#subscriptions.remove(uri, connection, { ...options, signal: inner }))
  }

  /**
   * What is offered now, never the half of a list: by server, in the order in which they first came, and of each in its
   * own order.
   *
   * *Cancellation*: it does not wait.
   */
  tools(): HubTool<DefinitionOf<S>>[] {
    return Array.from(this.#catalog.entries('tools'), toolOf)
  }

  /** The prompts; as `tools()`. */
  prompts(): HubPrompt<PromptOf<S>>[] {
    return Array.from(this.#catalog.entries('prompts'), promptOf)
  }

  /** The resources; as `tools()`. */
  resources(): HubResource<ResourceOf<S>>[] {
    return Array.from(this.#catalog.entries('resources'), resourceOf)
  }

  /** The templates of resources; as `tools()`. */
  resourceTemplates(): HubResourceTemplate<ResourceTemplateOf<S>>[] {
    return Array.from(this.#catalog.entries('resourceTemplates'), resourceTemplateOf)
  }

  /** How each server is doing that is connected or connecting. */
  servers(): ServerStatus[] {
    return Array.from(this.#connections.values(), connection =>
      connection.status(kind => this.#catalog.count(connection.id, kind))
    )
  }

  /**
   * Disconnects all; resolves when the registrar holds nothing any more and no refresh runs. From the call on, all else
   * is refused with a `LockClosedError`. Calls that are under way run on, and the servers stay open: they are yours.
   * What the registrar refused to take back before is tried once more; if it refuses again, this rejects. Called again,
   * it returns the same promise.
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
      await this.#each('withdraw', [...this.#connections.values()], connection => this.#drop(connection, reason))
    } finally {
      await idle
    }
    // After all that was under way: also what a disconnect or a failed connect, which may not be awaited, left behind.
    await this.#exposure.follow()
  }

  #refuseWhenClosed(): void {
    if (this.#servers.closed) throw new LockClosedError('ToolHub: the hub was closed')
  }

  async #each(
    verb: string,
    connections: readonly Connection<S>[],
    step: (connection: Connection<S>) => Promise<void>
  ): Promise<void> {
    const failures = new Map<string, unknown>()
    const attempt = (connection: Connection<S>) =>
      step(connection).catch(error => {
        const { aborted, reason } = connection.life.signal
        if (!aborted || error !== reason) failures.set(connection.id, error)
      })
    await Promise.all(connections.map(attempt))
    throwAll(failures, `failed to ${verb} servers`)
  }

  /** Ends a stay: its entries leave and its refreshes abort before this returns, the registrar follows. */
  #drop(connection: Connection<S>, reason: unknown): Promise<void> {
    // It may have ended before, and its id belong to a successor.
    if (this.#connections.get(connection.id) === connection) this.#connections.delete(connection.id)
    this.#catalog.withdraw(connection)
    connection.end(reason)
    return this.#exposure.follow(connection.id)
  }

  /** Lists and offers what a server has: in the refresh that waits in its queue, or else in a new one. */
  #load(connection: Connection<S>): Promise<void> {
    if (connection.queued) return connection.queued
    if (connection.replacement) return connection.replacement // which lists what is newer than this
    const { signal } = connection.lists
    let begun = false
    const refresh = async () => {
      begun = true
      connection.queued = undefined
      const skipped = this.#skipsMalformed ? [] : undefined
      const listed = await listAll(connection, connection.source as S, signal, skipped)
      // The list may have been on its way to us when the stay ended.
      signal.throwIfAborted()
      await this.#offer(connection, listed, skipped)
    }
    const loaded = this.#servers.runExclusive(connection.id, refresh, { signal })
    if (!begun) connection.queued = loaded // on a free key it has begun by now
    loaded.catch(error => {
      if (connection.queued === loaded) connection.queued = undefined
      connection.error = error
    })
    return loaded
  }

  /** Offers a list, and puts the connection in the place of the one that it replaces: one synchronous step. */
  async #offer(connection: Connection<S>, listed: Listed, skipped: readonly string[] = []): Promise<void> {
    connection.skipped = [...skipped, ...this.#catalog.offer(connection, listed)]
    connection.isListed = true
    connection.error = undefined
    const { id, replaces, life } = connection
    if (replaces !== undefined) {
      this.#connections.set(id, connection)
      connection.replaces = undefined
      replaces.end(disconnected(id, 'was replaced'))
    }
    await this.#exposure.follow(id)
    // The stay may have ended meanwhile: `connect` must not say that it has begun.
    life.signal.throwIfAborted()
    await this.#subscriptions.again(connection, uri => this.#requests.find('resources', uri)?.connection === connection)
  }

  /** Opens it if it is lazy: once, however many ask. Then it is listed, in the background. */
  #sourceOf(connection: Connection<S>): S | Promise<S> {
    if (connection.source !== undefined) return connection.source
    connection.opening ??= (async () => {
      try {
        const source = (await connection.open?.()) as S
        checkSource('what open returns', source)
        connection.source = source
        this.#load(connection).catch(() => {}) // its status tells
        return source
      } catch (error) {
        connection.error = error
        throw error
      } finally {
        connection.opening = undefined
      }
    })()
    return connection.opening
  }
}

const disconnected = (serverId: string, what: string): ToolHubError =>
  new ToolHubError('ERR_SERVER_DISCONNECTED', `server ${show(serverId)} ${what}`)
