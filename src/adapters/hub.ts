// What many servers offer behind one registry: see `hub/tool-hub.ts` for how, and docs/recipes/hub.md for its use.

export { ToolHubError, type ToolHubErrorCode } from './hub/errors.js'
export { ToolHub } from './hub/tool-hub.js'
export type {
  CallOptions,
  ConnectOptions,
  DefinitionOf,
  HubPrompt,
  HubResource,
  HubResourceTemplate,
  HubTool,
  Kind,
  KnownOffer,
  ListedBy,
  Meta,
  Method,
  NameConflict,
  Page,
  PageParams,
  PromptDefinition,
  PromptOf,
  PromptResultOf,
  RequestOptions,
  ResourceDefinition,
  ResourceOf,
  ResourceResultOf,
  ResourceTemplateDefinition,
  ResourceTemplateOf,
  ResultOf,
  ServerStatus,
  ToolDefinition,
  ToolHandle,
  ToolHubOptions,
  ToolRegistrar,
  ToolSource,
  UpdatableToolHandle
} from './hub/types.js'
