// One stay of a server. A server that leaves and returns under its id is another connection.

import type { Kind, ServerStatus, ToolSource } from './types.js'

/** What a server offers, as the hub knows it. */
export interface Entry<S extends ToolSource> {
  readonly kind: Kind
  /** Its name or URI in the hub. */
  readonly name: string
  /** What the server calls it. */
  readonly ownName: string
  readonly definition: object
  /** The definition as text: what has not changed is not registered again. */
  readonly text: string
  /** Changes when another source takes the place of the one that it came from. */
  connection: Connection<S>
}

export class Connection<S extends ToolSource> {
  readonly id: string
  /** Undefined: it has not been opened yet. */
  source: S | undefined
  /** The `timeout` of requests that have none. */
  readonly timeout: number | undefined
  /** Aborted when the stay ends, after its entries have left the catalog. */
  readonly life = new AbortController()
  /** Aborted when its lists are of no use any more, which may be earlier: another source takes its place. */
  lists = new AbortController()
  /** The refresh that waits in the queue and has not begun. A caller that comes now shares it. */
  queued: Promise<void> | undefined = undefined
  /** Opens it, while it is lazy. */
  readonly open: (() => PromiseLike<S> | S) | undefined
  opening: Promise<S> | undefined = undefined
  /** Whether it has offered something, or was told what it will. */
  isListed = false
  /** Why it could not be opened or refreshed the last time. */
  error: unknown = undefined
  /** What was left out of its last list. */
  skipped: readonly string[] = []
  /** The one whose place this takes when it is listed. */
  replaces: Connection<S> | undefined = undefined
  /** While another one takes the place of this. Never rejects. */
  replacement: Promise<void> | undefined = undefined
  /** The resources that it was asked to tell of. */
  readonly subscribed = new Set<string>()

  constructor(
    id: string,
    source: S | undefined,
    timeout: number | undefined,
    open?: (() => PromiseLike<S> | S) | undefined
  ) {
    this.id = id
    this.source = source
    this.timeout = timeout
    this.open = open
    this.endListsWith(this.lists)
  }

  /** @param count how many it offers of a kind */
  status(count: (kind: Kind) => number): ServerStatus {
    const connected = this.replacement === undefined ? 'connected' : 'replacing'
    return {
      serverId: this.id,
      state: this.source === undefined ? 'lazy' : this.isListed ? connected : 'connecting',
      tools: count('tools'),
      prompts: count('prompts'),
      resources: count('resources'),
      resourceTemplates: count('resourceTemplates'),
      skipped: this.skipped,
      ...(this.error === undefined ? {} : { error: this.error })
    }
  }

  /** The stay is over. */
  end(reason: unknown): void {
    this.life.abort(reason)
  }

  /** Ends what is being listed, and lists no more until `listAgain`. */
  stopListing(reason: unknown): void {
    this.lists.abort(reason)
  }

  listAgain(): void {
    this.lists = new AbortController()
    this.endListsWith(this.lists)
    if (this.life.signal.aborted) this.lists.abort(this.life.signal.reason)
  }

  private endListsWith(lists: AbortController): void {
    this.life.signal.addEventListener('abort', () => lists.abort(this.life.signal.reason), { once: true })
  }
}
