// What the hub offers, as its users see it.

import type { Entry } from './connection.js'
import type {
  DefinitionOf,
  HubPrompt,
  HubResource,
  HubResourceTemplate,
  HubTool,
  PromptOf,
  ResourceOf,
  ResourceTemplateOf,
  ToolSource
} from './types.js'

/** One object for each entry, so that what has not changed is the same object. */
const items = new WeakMap<object, object>()

function itemOf<S extends ToolSource, T extends object>(entry: Entry<S>, make: (entry: Entry<S>) => T): T {
  const known = items.get(entry)
  if (known !== undefined) return known as T
  const item = make(entry)
  items.set(entry, item)
  return item
}

export const toolOf = <S extends ToolSource>(entry: Entry<S>): HubTool<DefinitionOf<S>> =>
  itemOf(entry, ({ name, connection, definition }) => ({
    name,
    serverId: connection.id,
    definition: definition as DefinitionOf<S>
  }))

export const promptOf = <S extends ToolSource>(entry: Entry<S>): HubPrompt<PromptOf<S>> =>
  itemOf(entry, ({ name, connection, definition }) => ({
    name,
    serverId: connection.id,
    definition: definition as PromptOf<S>
  }))

export const resourceOf = <S extends ToolSource>(entry: Entry<S>): HubResource<ResourceOf<S>> =>
  itemOf(entry, ({ name, connection, definition }) => ({
    uri: name,
    serverId: connection.id,
    definition: definition as ResourceOf<S>
  }))

export const resourceTemplateOf = <S extends ToolSource>(entry: Entry<S>): HubResourceTemplate<ResourceTemplateOf<S>> =>
  itemOf(entry, ({ name, connection, definition }) => ({
    uriTemplate: name,
    serverId: connection.id,
    definition: definition as ResourceTemplateOf<S>
  }))
