// What a hub is made with, what it asks of a server and of a registrar, and what it tells.

import type { LockObserver } from 'latchkey'

/** A tool as its server describes it. What else the server says of it is kept and handed on. */
export interface ToolDefinition {
  readonly name: string
  readonly title?: string | undefined
  readonly description?: string | undefined
  /** The JSON Schema of its arguments. */
  readonly inputSchema: object
}

/** What the hub asks of a server. A `Client` of the Model Context Protocol fits as it is. */
export interface ToolSource {
  /** One page of the server's tools. */
  listTools(
    params?: { cursor?: string },
    options?: { signal?: AbortSignal }
  ): PromiseLike<{ tools: readonly ToolDefinition[]; nextCursor?: string | undefined }>
  /** Calls a tool by the name it has on the server. */
  callTool(
    params: { name: string; arguments?: Record<string, unknown> },
    resultSchema?: undefined,
    options?: { signal?: AbortSignal }
  ): PromiseLike<unknown>
}

/** The definitions that a kind of source lists. */
export type DefinitionOf<S extends ToolSource> = Awaited<ReturnType<S['listTools']>>['tools'][number]

/** What a call to a kind of source comes to. */
export type ResultOf<S extends ToolSource> = Awaited<ReturnType<S['callTool']>>

/** A tool as the hub offers it. */
export interface HubTool<D extends ToolDefinition = ToolDefinition> {
  /** The name to call it by, unique in the hub. */
  readonly name: string
  /** The server it comes from. */
  readonly serverId: string
  /** As the server gave it; `definition.name` is its name over there. */
  readonly definition: D
}

/** Exposes tools somewhere, for instance in an `McpServer`. The hub never calls it twice at once. */
export interface ToolRegistrar<D extends ToolDefinition = ToolDefinition> {
  /** Exposes one tool, and returns the handle that takes it back, as `McpServer.registerTool` does. */
  register(tool: HubTool<D>): ToolHandle | PromiseLike<ToolHandle>
}

/** Takes an exposed tool back. */
export interface ToolHandle {
  /** Takes it back; a promise is awaited. */
  remove(): unknown
}

/** What a hub is made with. */
export interface ToolHubOptions<S extends ToolSource = ToolSource> {
  /**
   * How a tool is called in the hub. `'prefix'`, the default, makes it `server__tool`; `'plain'` leaves the name as it
   * is; a function makes its own. Whoever comes second with a name that is taken is refused, whatever the rule.
   */
  naming?: 'prefix' | 'plain' | ((serverId: string, toolName: string) => string) | undefined
  /** Is kept in step with `tools()`. */
  registrar?: ToolRegistrar<DefinitionOf<S>> | undefined
  /** Is told of the hub's locks, `ToolHub servers` (by server id) and `ToolHub registrar`: a `LockMonitor` fits. */
  observer?: LockObserver | undefined
}
