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

/** A prompt as its server describes it. */
export interface PromptDefinition {
  readonly name: string
}

/** A resource as its server describes it. */
export interface ResourceDefinition {
  readonly uri: string
}

/** A template of resources as its server describes it. */
export interface ResourceTemplateDefinition {
  /** As in RFC 6570, such as `file:///{path}`. */
  readonly uriTemplate: string
}

/** How one request is made. Goes to the source as it is; the hub itself knows `signal` alone. */
export interface RequestOptions {
  signal?: AbortSignal | undefined
  /** In ms, if the source knows such a thing, as a `Client` of the Model Context Protocol does. */
  timeout?: number | undefined
  resetTimeoutOnProgress?: boolean | undefined
  maxTotalTimeout?: number | undefined
  /** Is told how far the request has come. */
  onprogress?:
    | ((progress: { progress: number; total?: number | undefined; message?: string | undefined }) => void)
    | undefined
}

/** What else goes along with a request, in its `_meta`. */
export type Meta = Record<string, unknown>

/** One page of a list is asked for. */
export interface PageParams {
  cursor?: string
}

/** One page of a list. */
export type Page<Field extends string, Definition> = PromiseLike<
  { readonly [F in Field]: readonly Definition[] } & { readonly nextCursor?: string | undefined }
>

/**
 * What the hub asks of a server. A `Client` of the Model Context Protocol fits as it is. What is optional is not asked
 * for where it is missing, or where `getServerCapabilities` says that the server has no such thing.
 */
export interface ToolSource {
  /** One page of the server's tools. */
  listTools(params?: PageParams, options?: { signal?: AbortSignal }): Page<'tools', ToolDefinition>
  /** Calls a tool by the name it has on the server. */
  callTool(
    params: { name: string; arguments?: Record<string, unknown>; _meta?: Meta },
    resultSchema?: undefined,
    options?: { signal?: AbortSignal }
  ): PromiseLike<unknown>
  /** Lists the prompts, a page at a time. A server without it has none. */
  listPrompts?(params?: PageParams, options?: { signal?: AbortSignal }): Page<'prompts', PromptDefinition>
  /** Fills in a prompt. */
  getPrompt?(
    params: { name: string; arguments?: Record<string, string>; _meta?: Meta },
    options?: { signal?: AbortSignal }
  ): PromiseLike<unknown>
  /** Lists the resources, a page at a time. A server without it has none. */
  listResources?(params?: PageParams, options?: { signal?: AbortSignal }): Page<'resources', ResourceDefinition>
  /** Lists the resource templates, a page at a time. A server without it has none. */
  listResourceTemplates?(
    params?: PageParams,
    options?: { signal?: AbortSignal }
  ): Page<'resourceTemplates', ResourceTemplateDefinition>
  /** Reads a resource by its URI. */
  readResource?(params: { uri: string; _meta?: Meta }, options?: { signal?: AbortSignal }): PromiseLike<unknown>
  /** Asks to be told when a resource changes. */
  subscribeResource?(params: { uri: string }, options?: { signal?: AbortSignal }): PromiseLike<unknown>
  /** Takes back what `subscribeResource` asked for. */
  unsubscribeResource?(params: { uri: string }, options?: { signal?: AbortSignal }): PromiseLike<unknown>
  /** What the server can do, if the source knows. */
  getServerCapabilities?():
    | { tools?: object | undefined; prompts?: object | undefined; resources?: object | undefined }
    | undefined
}

/** What the hub merges. */
export type Kind = 'tools' | 'prompts' | 'resources' | 'resourceTemplates'

/** The definitions that a kind of source lists. */
export type DefinitionOf<S extends ToolSource> = Awaited<ReturnType<S['listTools']>>['tools'][number]

/** What a call to a kind of source comes to. */
export type ResultOf<S extends ToolSource> = Awaited<ReturnType<S['callTool']>>

/** A method of a source, where it has one. */
export type Method<S, Name extends keyof S> = Extract<S[Name], (...args: never[]) => unknown>
/** What a method of a source lists. */
export type ListedBy<S extends ToolSource, Name extends keyof S, Field extends string, Otherwise> =
  Awaited<ReturnType<Method<S, Name>>> extends Record<Field, readonly (infer D)[]> ? D : Otherwise

/** The prompts that a kind of source lists. */
export type PromptOf<S extends ToolSource> = ListedBy<S, 'listPrompts', 'prompts', PromptDefinition>
/** The resources that a kind of source lists. */
export type ResourceOf<S extends ToolSource> = ListedBy<S, 'listResources', 'resources', ResourceDefinition>
/** The resource templates that a kind of source lists. */
export type ResourceTemplateOf<S extends ToolSource> = ListedBy<
  S,
  'listResourceTemplates',
  'resourceTemplates',
  ResourceTemplateDefinition
>

/** What a kind of source answers when it fills in a prompt. */
export type PromptResultOf<S extends ToolSource> = Awaited<ReturnType<Method<S, 'getPrompt'>>>
/** What a kind of source answers when it reads a resource. */
export type ResourceResultOf<S extends ToolSource> = Awaited<ReturnType<Method<S, 'readResource'>>>

/** How a call is made: what the source takes, and `_meta`. */
export type CallOptions<S extends ToolSource = ToolSource> = Omit<NonNullable<Parameters<S['callTool']>[2]>, 'signal'> &
  RequestOptions & { _meta?: Meta | undefined }

/** A prompt as the hub offers it. */
export interface HubPrompt<D = PromptDefinition> {
  /** The name to get it by, unique in the hub. */
  readonly name: string
  readonly serverId: string
  readonly definition: D
}

/** A resource as the hub offers it. Resources keep their URIs. */
export interface HubResource<D = ResourceDefinition> {
  readonly uri: string
  readonly serverId: string
  readonly definition: D
}

/** A template of resources as the hub offers it. */
export interface HubResourceTemplate<D = ResourceTemplateDefinition> {
  readonly uriTemplate: string
  readonly serverId: string
  readonly definition: D
}

/** How a server is doing. */
export interface ServerStatus {
  readonly serverId: string
  /** `lazy`: it has not been opened yet. `replacing`: `replace` lists another source for it. */
  readonly state: 'lazy' | 'connecting' | 'connected' | 'replacing'
  /** How many it offers. */
  readonly tools: number
  readonly prompts: number
  readonly resources: number
  readonly resourceTemplates: number
  /** Why it could not be opened or refreshed the last time. */
  readonly error?: unknown
  /** What was left out of its last list, a sentence each: see `onMalformed` and `onConflict`. */
  readonly skipped: readonly string[]
}

/** How a server is connected. */
export interface ConnectOptions {
  signal?: AbortSignal | undefined
  /** The `timeout` (ms) of each request to it that has none of its own. Default: the source's own. */
  timeout?: number | undefined
}

/** What is known of a server that is opened when it is first needed. */
export interface KnownOffer<S extends ToolSource = ToolSource> {
  tools?: readonly DefinitionOf<S>[] | undefined
  prompts?: readonly PromptOf<S>[] | undefined
  resources?: readonly ResourceOf<S>[] | undefined
  resourceTemplates?: readonly ResourceTemplateOf<S>[] | undefined
}

/** Two servers offer one name. */
export interface NameConflict {
  readonly kind: Kind
  /** The name that is taken, and by which server. */
  readonly name: string
  readonly ownerId: string
  /** The server that comes second, and what it calls its own. */
  readonly serverId: string
  readonly ownName: string
}

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
  /**
   * Exposes one tool, and returns the handle that takes it back, as `McpServer.registerTool` does. With an old handle: see
   * `ToolHandle.update`.
   */
  register(tool: HubTool<D>): ToolHandle | PromiseLike<ToolHandle>
}

/** Takes an exposed tool back. */
export interface ToolHandle {
  /** Takes it back; a promise is awaited. */
  remove(): unknown
}

/** A handle that can also change the tool that it stands for. */
export interface UpdatableToolHandle<D extends ToolDefinition = ToolDefinition> extends ToolHandle {
  /**
   * The tool has changed. Without this method it is removed and registered again. (That of a `RegisteredTool`, which takes
   * something else, is left alone.)
   */
  update(tool: HubTool<D>): unknown
}

/** What a hub is made with. */
export interface ToolHubOptions<S extends ToolSource = ToolSource> {
  /**
   * How a tool is called in the hub. `'prefix'`, the default, makes it `server__tool`; `'plain'` leaves the name as it
   * is; a function makes its own. The same holds for prompts. Resources keep their URIs.
   */
  naming?: 'prefix' | 'plain' | ((serverId: string, toolName: string) => string) | undefined
  /**
   * What becomes of a server that comes second with a name that is taken. `'refuse'`, the default: its whole list is
   * refused. `'skip'`: it goes without what is taken. A function makes another name; if that is taken too, the list is
   * refused.
   */
  onConflict?: 'refuse' | 'skip' | ((conflict: NameConflict) => string) | undefined
  /** What becomes of a list with something malformed in it: it is refused, which is the default, or goes without. */
  onMalformed?: 'refuse' | 'skip' | undefined
  /** Is called when a change is finished, the registrar included: once for all that changed meanwhile. */
  onChange?: ((kinds: ReadonlySet<Kind>) => void) | undefined
  /** For how long `onChange` waits for further changes, in ms. Default `0`: it does not. */
  changeDelay?: number | undefined
  /** For how long a call waits while its server is replaced, in ms. Default `10_000`. */
  replaceWait?: number | undefined
  /** Is kept in step with `tools()`. */
  registrar?: ToolRegistrar<DefinitionOf<S>> | undefined
  /** Is told of the hub's locks, `ToolHub servers` (by server id) and `ToolHub registrar`: a `LockMonitor` fits. */
  observer?: LockObserver | undefined
}
