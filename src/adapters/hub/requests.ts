// Requests on their way to the server of a name: found, opened, waited for while it is replaced, and bounded in time.

import type { Catalog } from './catalog.js'
import { check, has, show, signalOf } from './checks.js'
import type { Connection, Entry } from './connection.js'
import { ToolHubError, unknown } from './errors.js'
import { scoped, within } from './scoped.js'
import type { CallOptions, Kind, Meta, RequestOptions, ToolSource } from './types.js'
import { matches } from './uri-template.js'

interface Servers<S extends ToolSource> {
  refuseWhenClosed(): void
  /** Opens it if it is lazy. */
  sourceOf(connection: Connection<S>): S | Promise<S>
}

/** Sends one request to a source, where it has its own name. */
type Send<S> = (
  source: S,
  ownName: string,
  meta: { _meta?: Meta },
  options: { signal: AbortSignal }
) => PromiseLike<unknown>

export class Requests<S extends ToolSource> {
  readonly #catalog: Catalog<S>
  readonly #replaceWait: number
  readonly #servers: Servers<S>

  constructor(catalog: Catalog<S>, replaceWait: number, servers: Servers<S>) {
    this.#catalog = catalog
    this.#replaceWait = replaceWait
    this.#servers = servers
  }

  /** Resources that are not listed may come from a template. */
  find(kind: Kind, name: string): Entry<S> | undefined {
    const entry = this.#catalog.get(kind, name)
    if (entry !== undefined || kind !== 'resources') return entry
    for (const template of this.#catalog.entries('resourceTemplates')) if (matches(template.name, name)) return template
    return undefined
  }

  entryOf(kind: Kind, name: string): Entry<S> {
    const entry = this.find(kind, name)
    if (entry === undefined) throw unknown(kind, name)
    return entry
  }

  send(kind: Kind, name: string, options: CallOptions<S> | undefined, send: Send<S>): Promise<unknown> {
    return scoped(signalOf(options), signal => {
      this.#servers.refuseWhenClosed()
      const { connection } = this.entryOf(kind, name)
      const { replacement } = connection
      const go = () => this.#send(this.entryOf(kind, name), options, signal, send)
      if (replacement === undefined) return go()
      const late = () => new ToolHubError('ERR_SERVER_REPLACING', `server ${show(connection.id)} is being replaced`)
      return within(this.#replaceWait, replacement, late).then(() => {
        this.#servers.refuseWhenClosed()
        return go()
      })
    })
  }

  #send(
    { connection, ownName }: Entry<S>,
    options: CallOptions<S> | undefined,
    signal: AbortSignal,
    send: Send<S>
  ): PromiseLike<unknown> {
    const { _meta, ...rest } = (options ?? {}) as CallOptions
    const meta = _meta === undefined ? {} : { _meta }
    const request = { ...withTimeout(rest, connection.timeout), signal }
    const source = this.#servers.sourceOf(connection)
    return source instanceof Promise
      ? source.then(source => send(source, ownName, meta, request))
      : send(source, ownName, meta, request)
  }
}

export const withTimeout = (options: RequestOptions, timeout: number | undefined): RequestOptions =>
  timeout === undefined || options.timeout !== undefined ? options : { ...options, timeout }

export function checkSource(argument: string, source: unknown): void {
  const fits = has(source, 'listTools') && has(source, 'callTool')
  check(fits, argument, 'an object with methods listTools and callTool', source)
}

/** A source that lists something can also be asked for it. */
export function methodOf(
  source: ToolSource,
  name: 'getPrompt' | 'readResource'
): (params: object, options: object) => PromiseLike<unknown> {
  check(has(source, name), 'source', `an object with a method ${name}`, source)
  return (params, options) =>
    (source[name] as (params: object, options: object) => PromiseLike<unknown>)(params, options)
}
