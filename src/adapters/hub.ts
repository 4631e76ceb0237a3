// The tools of many servers behind one registry: see `hub/tool-hub.ts` for how, and docs/recipes/hub.md for its use.

export { ToolHubError, type ToolHubErrorCode } from './hub/errors.js'
export { ToolHub } from './hub/tool-hub.js'
export type {
  DefinitionOf,
  HubTool,
  ResultOf,
  ToolDefinition,
  ToolHandle,
  ToolHubOptions,
  ToolRegistrar,
  ToolSource
} from './hub/types.js'
