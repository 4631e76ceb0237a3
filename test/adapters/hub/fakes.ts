// Servers and registrars whose every step is in the hands of the test.

import type { HubTool, ToolDefinition } from 'latchkey/adapters/hub'

/** Resolves when no promise reaction is left to run. */
export const settled = () => new Promise<void>(resolve => setImmediate(resolve))

export interface Deferred<T> {
  promise: Promise<T>
  resolve(value: T | PromiseLike<T>): void
  reject(reason: unknown): void
}

export function deferred<T = void>(): Deferred<T> {
  let settle: Omit<Deferred<T>, 'promise'> | undefined
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject }
  })
  return { promise, ...(settle as Omit<Deferred<T>, 'promise'>) }
}

/** What a promise came to, without waiting for it. */
export function outcome(promise: Promise<unknown>): { state: 'pending' | 'resolved' | 'rejected'; value: unknown } {
  const seen: ReturnType<typeof outcome> = { state: 'pending', value: undefined }
  promise.then(
    value => Object.assign(seen, { state: 'resolved', value }),
    value => Object.assign(seen, { state: 'rejected', value })
  )
  return seen
}

export const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    value => {
      throw new Error(`resolved to ${String(value)}`)
    },
    reason => reason
  )

export const tool = (name: string, description = name): ToolDefinition => ({
  name,
  description,
  inputSchema: { type: 'object' }
})

type Page = { tools: readonly ToolDefinition[]; nextCursor?: string | undefined }

export interface Listing extends Deferred<Page> {
  cursor: string | undefined
  signal: AbortSignal
  /** Answers with these tools, as the last page. */
  answer(...names: string[]): Promise<void>
}

export interface Call extends Deferred<unknown> {
  name: string
  args: Record<string, unknown> | undefined
  signal: AbortSignal
}

/** A server that answers when it is told to. It takes no notice of aborts. */
export class FakeServer {
  readonly listings: Listing[] = []
  readonly calls: Call[] = []
  /** When set, lists are answered at once. */
  offers: string[] | undefined

  constructor(...offers: string[]) {
    if (offers.length > 0) this.offers = offers
  }

  listTools(params?: { cursor?: string }, options?: { signal?: AbortSignal }): Promise<Page> {
    const page = deferred<Page>()
    const answer = async (...names: string[]) => {
      page.resolve({ tools: names.map(name => tool(name)) })
      await settled()
    }
    this.listings.push({ ...page, cursor: params?.cursor, signal: options?.signal as AbortSignal, answer })
    if (this.offers) page.resolve({ tools: this.offers.map(name => tool(name)) })
    return page.promise
  }

  callTool(
    params: { name: string; arguments?: Record<string, unknown> },
    _schema?: undefined,
    options?: { signal?: AbortSignal }
  ): Promise<unknown> {
    const call = deferred<unknown>()
    this.calls.push({ ...call, name: params.name, args: params.arguments, signal: options?.signal as AbortSignal })
    return call.promise
  }

  /** The listing that has been asked for last. */
  get last(): Listing {
    return this.listings.at(-1) as Listing
  }
}

/**
 * Remembers what it was told, and refuses what a real one would: a name that it has already, a handle used twice, two
 * steps at once.
 */
export class StrictRegistrar {
  readonly log: string[] = []
  readonly held = new Map<string, HubTool>()
  /** When set, each step waits for it. */
  pace: (() => PromiseLike<unknown>) | undefined
  /** Names whose registration, or removal, fails. */
  readonly broken = new Set<string>()
  /** What no hub may ever do. */
  readonly faults: string[] = []
  #busy = false

  readonly register = (tool: HubTool) => {
    const { name } = tool
    return this.#step(`+${name}`, () => {
      if (this.held.has(name)) this.#fault(`${name} is registered twice`)
      this.held.set(name, tool)
      let removed = false
      return {
        remove: () =>
          this.#step(`-${name}`, () => {
            if (removed) this.#fault(`${name} is removed twice`)
            removed = true
            this.held.delete(name)
          })
      }
    })
  }

  get names(): string[] {
    return [...this.held.keys()]
  }

  #fault(what: string): never {
    this.faults.push(what)
    throw new Error(what)
  }

  #step<T>(what: string, step: () => T): T | Promise<T> {
    if (this.#busy) this.#fault(`${what} while another step runs`)
    const run = () => {
      if (this.broken.has(what.slice(1))) throw new Error(`${what} fails`)
      this.log.push(what)
      return step()
    }
    if (!this.pace) return run()
    this.#busy = true
    return Promise.resolve(this.pace()).then(() => {
      this.#busy = false
      return run()
    })
  }
}

export const names = (hub: { tools(): { name: string }[] }) => hub.tools().map(({ name }) => name)
