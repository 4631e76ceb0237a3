// ToolHub with the servers and clients of the Model Context Protocol's own SDK: in memory, and one in a process of its own.

import { getEventListeners } from 'node:events'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { McpServer, type RegisteredTool, ResourceTemplate } from '@modelcontextprotocol/sdk/server/mcp.js'
import {
  CallToolRequestSchema,
  type CallToolResult,
  GetPromptRequestSchema,
  type JSONRPCMessage,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
  ResourceUpdatedNotificationSchema,
  SubscribeRequestSchema,
  type Tool,
  ToolListChangedNotificationSchema,
  UnsubscribeRequestSchema
} from '@modelcontextprotocol/sdk/types.js'
import { type HubTool, type ToolHandle, ToolHub, type ToolSource } from 'latchkey/adapters/hub'
import { afterEach, describe, expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { fromRoot } from '../../../scripts/project.js'
import { type Deferred, deferred, names, outcome, rejection, settled } from './fakes.js'

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const connection of open.splice(0).reverse()) await connection.close()
})

const info = { name: 'test', version: '1.0.0' }
const capabilities = { tools: { listChanged: true } }
const text = (value: unknown): CallToolResult => ({ content: [{ type: 'text', text: String(value) }] })

/** A client of the server, and every message that it sent. */
async function clientOf(server: Server | McpServer): Promise<Client & { sent: JSONRPCMessage[] }> {
  const [near, far] = InMemoryTransport.createLinkedPair()
  const sent: JSONRPCMessage[] = []
  const send = near.send.bind(near)
  near.send = (message, options) => {
    sent.push(message)
    return send(message, options)
  }
  const client = new Client(info)
  await server.connect(far)
  await client.connect(near)
  open.push(client)
  return Object.assign(client, { sent })
}

/** A server with tools that return their own name. */
function serverOf(...tools: string[]): McpServer {
  const server = new McpServer(info, { capabilities })
  for (const name of tools) server.registerTool(name, { description: `does ${name}` }, () => text(name))
  return server
}

const asked = (client: { sent: JSONRPCMessage[] }) =>
  client.sent.filter(message => 'method' in message && message.method === 'tools/list').length

/** A server whose lists are answered by the test. */
function heldServer() {
  const lists: (Deferred<{ tools: Tool[] }> & { signal: AbortSignal })[] = []
  const server = new Server(info, { capabilities })
  server.setRequestHandler(ListToolsRequestSchema, (_, { signal }) => {
    const list = { ...deferred<{ tools: Tool[] }>(), signal }
    lists.push(list)
    return list.promise
  })
  return { server, lists }
}

const plain = (name: string): Tool => ({ name, inputSchema: { type: 'object' } })

test('a client is a source, what registerTool returns is a handle, and the definitions keep their type', () => {
  expectTypeOf<Client>().toExtend<ToolSource>()
  expectTypeOf<RegisteredTool>().toExtend<ToolHandle>()
  expectTypeOf<ReturnType<ToolHub<Client>['tools']>>().toExtend<HubTool<Tool>[]>()
  expectTypeOf<Awaited<ReturnType<ToolHub<Client>['callTool']>>>().toEqualTypeOf<
    Awaited<ReturnType<Client['callTool']>>
  >()
  const any = new ToolHub()
  expectTypeOf(any.connect).toBeCallableWith('a', new Client(info))
})

describe('servers', () => {
  test('several in memory and one in a process of its own', async () => {
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [fromRoot('test/fixtures/mcp-server.mjs')]
    })
    const child = new Client(info)
    await child.connect(transport)
    open.push(child)
    const { pid } = transport
    const ended = deferred()
    child.onclose = () => ended.resolve()

    const hub = new ToolHub<Client>()
    await Promise.all([
      hub.connect('one', await clientOf(serverOf('x', 'y'))),
      hub.connect('two', await clientOf(serverOf('x'))),
      hub.connect('child', child)
    ])
    expect(names(hub).toSorted()).toEqual([
      'child__echo',
      'child__fail-next-list',
      'child__grow',
      'child__pid',
      'one__x',
      'one__y',
      'two__x'
    ])
    expect(await hub.callTool('one__x')).toEqual(text('x'))
    expect(await hub.callTool('child__echo', { message: 'hello' })).toEqual(text('hello'))
    expect(await hub.callTool('child__pid')).toEqual(text(pid))

    const grown = deferred<void>()
    child.setNotificationHandler(ToolListChangedNotificationSchema, () => grown.resolve(hub.refresh('child')))
    await hub.callTool('child__grow', { name: 'extra' })
    await grown.promise
    expect(await hub.callTool('child__extra')).toEqual(text('extra'))

    await hub.close()
    expect(hub.tools()).toEqual([])
    await child.close()
    await ended.promise
    expect(() => process.kill(pid as number, 0)).toThrow('ESRCH')
  })

  test('a process that dies in the middle of a refresh: its last good tools stay until it is disconnected', async () => {
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [fromRoot('test/fixtures/mcp-server.mjs')]
    })
    const child = new Client(info)
    await child.connect(transport)
    open.push(child)
    const hub = new ToolHub<Client>()
    await hub.connect('child', child)
    await hub.connect('other', await clientOf(serverOf('x')))
    const before = names(hub)
    const gone = deferred()
    child.onclose = () => gone.resolve()

    await hub.callTool('child__fail-next-list')
    const failure = await rejection(hub.refresh())
    expect(failure).toBeInstanceOf(AggregateError)
    expect(failure).toMatchObject({
      message: 'ToolHub: failed to refresh servers: "child"',
      errors: [{ message: /Connection closed/ }]
    })
    await gone.promise
    expect(names(hub)).toEqual(before)
    expect(await rejection(hub.callTool('child__pid'))).toMatchObject({ message: 'Not connected' })

    expect(await hub.disconnect('child', child)).toBe(true)
    expect(names(hub)).toEqual(['other__x'])
  })

  test('a storm of list-changed notifications is one refresh that runs and one that waits', async () => {
    const server = serverOf('x')
    const client = await clientOf(server)
    const hub = new ToolHub<Client>()
    await hub.connect('a', client)
    const refreshes: Promise<void>[] = []
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => {
      refreshes.push(hub.refresh('a'))
      return refreshes.at(-1)
    })
    for (let i = 0; i < 200; i++) server.registerTool(`t${i}`, {}, () => text(i))
    await settled()
    await Promise.all(refreshes)
    expect(refreshes).toHaveLength(200)
    expect(asked(client)).toBeLessThanOrEqual(3) // connect, the one that ran, the one that waited
    expect(hub.tools()).toHaveLength(201)
  })

  test('a slow one holds up no other', async () => {
    const slow = heldServer()
    const hub = new ToolHub<Client>()
    const connecting = outcome(hub.connect('slow', await clientOf(slow.server)))
    const server = serverOf('x')
    await hub.connect('quick', await clientOf(server))
    server.registerTool('y', {}, () => text('y'))
    await hub.refresh('quick')
    expect(await hub.callTool('quick__y')).toEqual(text('y'))
    expect(connecting.state).toBe('pending')
    slow.lists[0]?.resolve({ tools: [plain('z')] })
    await settled()
    expect(connecting.state).toBe('resolved')
    // In the order in which they were connected, however long each takes.
    expect(names(hub)).toEqual(['slow__z', 'quick__x', 'quick__y'])
  })

  test('one that sends nonsense is refused, and keeps what it had', async () => {
    const held = heldServer()
    const hub = new ToolHub<Client>()
    const connecting = hub.connect('a', await clientOf(held.server))
    await settled()
    held.lists[0]?.resolve({ tools: [plain('x')] })
    await connecting
    for (const nonsense of [
      { name: 'y' },
      { inputSchema: { type: 'object' } },
      'y',
      null,
      { ...plain(''), name: '' }
    ]) {
      const refreshed = rejection(hub.refresh('a'))
      await settled()
      held.lists.at(-1)?.resolve({ tools: [plain('w'), nonsense as Tool] })
      expect(await refreshed, JSON.stringify(nonsense)).toBeInstanceOf(Error)
      expect(names(hub)).toEqual(['a__x'])
    }
  })

  test('a disconnect reaches the refresh that is under way on the server, and what it answers is dropped', async () => {
    const held = heldServer()
    const client = await clientOf(held.server)
    const hub = new ToolHub<Client>()
    const connecting = rejection(hub.connect('a', client))
    await settled()
    await hub.disconnect('a')
    expect(await connecting).toMatchObject({ code: 'ERR_SERVER_DISCONNECTED' })
    await settled()
    expect(held.lists[0]?.signal.aborted).toBe(true)
    held.lists[0]?.resolve({ tools: [plain('old')] })
    await settled()
    expect(hub.tools()).toEqual([])
  })

  test('one that returns under its id is another one', async () => {
    const held = heldServer()
    const hub = new ToolHub<Client>()
    const old = await clientOf(held.server)
    const connecting = rejection(hub.connect('a', old))
    old.onclose = () => void hub.disconnect('a', old)
    void hub.disconnect('a')
    await hub.connect('a', await clientOf(serverOf('next')))
    held.lists[0]?.resolve({ tools: [plain('old')] })
    await old.close()
    await settled()
    expect(await connecting).toMatchObject({ code: 'ERR_SERVER_DISCONNECTED' })
    expect(names(hub)).toEqual(['a__next'])
    expect(await hub.callTool('a__next')).toEqual(text('next'))
  })

  test('two with one name', async () => {
    const hub = new ToolHub<Client>({ naming: 'plain' })
    await hub.connect('a', await clientOf(serverOf('x')))
    expect(await rejection(hub.connect('b', await clientOf(serverOf('x', 'y'))))).toMatchObject({
      code: 'ERR_TOOL_NAME_TAKEN'
    })
    expect(names(hub)).toEqual(['x'])
  })
})

describe('a signal that lives long', () => {
  test('keeps no listener of any call, and cancels none that is done', async () => {
    const client = await clientOf(serverOf('x'))
    const hub = new ToolHub<Client>()
    const lifetime = new AbortController()
    const { signal } = lifetime
    await hub.connect('a', client, { signal })
    for (let i = 0; i < 50; i++) await hub.callTool('a__x', {}, { signal })
    for (let i = 0; i < 50; i++) await hub.refresh('a', { signal })
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
    lifetime.abort()
    await hub.disconnect('a')
    await settled()
    const cancelled = client.sent.filter(message => 'method' in message && message.method === 'notifications/cancelled')
    expect(cancelled).toEqual([])
  })

  test('reaches the server when it aborts in the middle of a call', async () => {
    const server = new McpServer(info)
    const begun = deferred<AbortSignal>()
    server.registerTool('slow', {}, ({ signal }) => {
      begun.resolve(signal)
      return new Promise(() => {})
    })
    const hub = new ToolHub<Client>()
    await hub.connect('a', await clientOf(server))
    const caller = new AbortController()
    const called = hub.callTool('a__slow', {}, caller)
    const seen = await begun.promise
    const reason = new Error('enough')
    caller.abort(reason)
    expect(await rejection(called)).toBe(reason)
    await settled()
    expect(seen.aborted).toBe(true)
  })
})

describe('behind a facade', () => {
  /** An `McpServer` that offers what the hub offers. */
  function facade() {
    const server = new McpServer(info, { capabilities })
    const hub: ToolHub<Client> = new ToolHub({
      registrar: {
        register: ({ name, definition: { description = name, inputSchema } }) =>
          server.registerTool(
            name,
            { description, inputSchema: z.fromJSONSchema(inputSchema as z.core.JSONSchema.JSONSchema) },
            async (args, { signal }) =>
              (await hub.callTool(name, args as Record<string, unknown>, { signal })) as CallToolResult
          )
      }
    })
    return { server, hub }
  }

  test('a client lists and calls the merged tools, and hears of changes', async () => {
    const { server, hub } = facade()
    const one = serverOf('x')
    one.registerTool('add', { inputSchema: { a: z.number(), b: z.number() } }, ({ a, b }) => text(a + b))
    await hub.connect('one', await clientOf(one))
    await hub.connect('two', await clientOf(serverOf('x')))

    const user = await clientOf(server)
    let changes = 0
    user.setNotificationHandler(ToolListChangedNotificationSchema, () => {
      changes++
    })
    const listed = async () => (await user.listTools()).tools.map(({ name }) => name)
    expect(await listed()).toEqual(['one__x', 'one__add', 'two__x'])
    const [, add] = (await user.listTools()).tools
    expect(add?.inputSchema).toMatchObject({
      type: 'object',
      properties: { a: { type: 'number' }, b: { type: 'number' } },
      required: ['a', 'b']
    })
    expect(await user.callTool({ name: 'one__add', arguments: { a: 2, b: 3 } })).toEqual(text(5))
    expect(await user.callTool({ name: 'two__x' })).toEqual(text('x'))
    expect(await user.callTool({ name: 'one__add', arguments: { a: 'two' } })).toMatchObject({ isError: true })

    one.registerTool('y', {}, () => text('y'))
    await hub.refresh('one')
    await settled()
    expect(changes).toBe(1)
    expect(await listed()).toEqual(['one__x', 'one__add', 'two__x', 'one__y'])
    await hub.refresh()
    await settled()
    expect(changes).toBe(1) // nothing has changed: the user is not told

    await hub.disconnect('one')
    expect(await listed()).toEqual(['two__x'])
    expect(await user.callTool({ name: 'one__x' })).toMatchObject({ isError: true })
    await hub.close()
    expect(await listed()).toEqual([])
  })

  test('a client that cancels is heard by the server behind', async () => {
    const { server, hub } = facade()
    const back = new McpServer(info)
    const begun = deferred<AbortSignal>()
    back.registerTool('slow', {}, ({ signal }) => {
      begun.resolve(signal)
      return new Promise(() => {})
    })
    await hub.connect('back', await clientOf(back))
    const user = await clientOf(server)
    const giveUp = new AbortController()
    const called = rejection(user.callTool({ name: 'back__slow' }, undefined, giveUp))
    const seen = await begun.promise
    giveUp.abort()
    await called
    await settled()
    expect(seen.aborted).toBe(true)
  })

  test('servers that come and go all at once leave it with what is connected', async () => {
    const { server, hub } = facade()
    const user = await clientOf(server)
    const clients = await Promise.all(Array.from({ length: 8 }, () => clientOf(serverOf('x', 'y', 'z'))))
    const connected = clients.map((client, i) => hub.connect(`s${i}`, client).catch(() => {}))
    const storm = Array.from({ length: 50 }, () => hub.refresh())
    await settled()
    const left = [0, 2, 4, 6].map(i => hub.disconnect(`s${i}`))
    await Promise.all([...connected, ...storm, ...left])
    const listed = (await user.listTools()).tools.map(({ name }) => name)
    expect(listed.toSorted()).toEqual([1, 3, 5, 7].flatMap(i => ['x', 'y', 'z'].map(name => `s${i}__${name}`)))
    expect(names(hub).toSorted()).toEqual(listed.toSorted())
  })

  test('a plain Server passes definitions on as they are', async () => {
    const server = new Server(info, {
      capabilities,
      debouncedNotificationMethods: ['notifications/tools/list_changed']
    })
    const changed = () => {
      if (server.transport) void server.sendToolListChanged()
    }
    const hub = new ToolHub<Client>({
      registrar: {
        register: () => {
          changed()
          return { remove: changed }
        }
      }
    })
    server.setRequestHandler(ListToolsRequestSchema, () => ({
      tools: hub.tools().map(({ name, definition }) => ({ ...definition, name }))
    }))
    server.setRequestHandler(CallToolRequestSchema, ({ params }, { signal }) =>
      hub.callTool(params.name, params.arguments, { signal })
    )

    const held = heldServer()
    const exotic: Tool = {
      name: 'exotic',
      title: 'Exotic',
      inputSchema: {
        type: 'object',
        properties: { a: { anyOf: [{ const: 1 }, { $ref: '#/$defs/b' }] } },
        $defs: { b: {} }
      },
      annotations: { readOnlyHint: true },
      _meta: { 'example.org/x': 1 }
    }
    held.server.setRequestHandler(CallToolRequestSchema, ({ params }) => text(JSON.stringify(params.arguments)))
    const user = await clientOf(server)
    let changes = 0
    user.setNotificationHandler(ToolListChangedNotificationSchema, () => {
      changes++
    })
    const connecting = hub.connect('a', await clientOf(held.server))
    await settled()
    held.lists[0]?.resolve({ tools: [exotic, plain('p')] })
    await connecting
    await settled()
    expect(changes).toBeGreaterThan(0)
    expect((await user.listTools()).tools).toEqual([
      { ...exotic, name: 'a__exotic' },
      { ...plain('p'), name: 'a__p' }
    ])
    expect(await user.callTool({ name: 'a__exotic', arguments: { a: 1 } })).toEqual(text('{"a":1}'))
  })
})

/** A plain `Server` that passes on all that a hub offers: the one of docs/recipes/hub.md. */
function wholeFacade(): { server: Server; hub: ToolHub<Client> } {
  const server = new Server(info, {
    capabilities: { tools: {}, prompts: {}, resources: { subscribe: true } }
  })
  const hub = new ToolHub<Client>()
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: hub.tools().map(({ name, definition }) => ({ ...definition, name }))
  }))
  server.setRequestHandler(CallToolRequestSchema, ({ params }, { signal, _meta, sendNotification }) => {
    const progressToken = _meta?.progressToken
    return hub.callTool(params.name, params.arguments, {
      signal,
      ...(progressToken === undefined
        ? {}
        : {
            onprogress: progress =>
              void sendNotification({ method: 'notifications/progress', params: { ...progress, progressToken } })
          })
    })
  })
  server.setRequestHandler(ListPromptsRequestSchema, () => ({
    prompts: hub.prompts().map(({ name, definition }) => ({ ...definition, name }))
  }))
  server.setRequestHandler(GetPromptRequestSchema, ({ params }, { signal }) =>
    hub.getPrompt(params.name, params.arguments, { signal })
  )
  server.setRequestHandler(ListResourcesRequestSchema, () => ({
    resources: hub.resources().map(({ definition }) => definition)
  }))
  server.setRequestHandler(ReadResourceRequestSchema, ({ params }, { signal }) =>
    hub.readResource(params.uri, { signal })
  )
  server.setRequestHandler(SubscribeRequestSchema, async ({ params }) => {
    await hub.subscribeResource(params.uri)
    return {}
  })
  server.setRequestHandler(UnsubscribeRequestSchema, async ({ params }) => {
    await hub.unsubscribeResource(params.uri)
    return {}
  })
  return { server, hub }
}

test('three servers in processes of their own, through the client of a user', async () => {
  const { server: facade, hub } = wholeFacade()
  await Promise.all(
    ['worker', 'library', 'speaker'].map(async kind => {
      const client = new Client(info)
      await client.connect(
        new StdioClientTransport({
          command: process.execPath,
          args: [fromRoot('test/fixtures/mcp-service.mjs'), kind]
        })
      )
      open.push(client)
      client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) =>
        facade.sendResourceUpdated(params)
      )
      await hub.connect(kind, client)
    })
  )
  const user = await clientOf(facade)
  const said = async (name: string, args: Record<string, unknown> = {}) => {
    const { content } = (await user.callTool({ name, arguments: args })) as CallToolResult
    return content.map(part => (part.type === 'text' ? part.text : part.type)).join()
  }

  expect((await user.listTools()).tools.map(({ name }) => name).toSorted()).toEqual([
    'library__write',
    'worker__cancelled',
    'worker__stay',
    'worker__work'
  ])

  // Progress comes from the process all the way.
  const progress: unknown[] = []
  const worked = await user.callTool({ name: 'worker__work', arguments: { steps: 3 } }, undefined, {
    onprogress: at => void progress.push([at.progress, at.total])
  })
  expect([worked, progress]).toEqual([
    text('3 steps'),
    [
      [1, 3],
      [2, 3],
      [3, 3]
    ]
  ])

  // A user that cancels one of two calls is heard by the process, about that one.
  const calls = ['kept', 'dropped'].map(id => {
    const cancel = new AbortController()
    const begun = deferred<void>()
    const call = user.callTool({ name: 'worker__stay', arguments: { id } }, undefined, {
      signal: cancel.signal,
      onprogress: () => begun.resolve()
    })
    return { cancel, begun: begun.promise, call: rejection(call) }
  })
  await Promise.all(calls.map(({ begun }) => begun))
  calls[1]?.cancel.abort(new Error('enough'))
  await calls[1]?.call
  // Over one pipe a request comes after the cancellation that was sent before it.
  expect(await said('worker__cancelled')).toBe('dropped')

  const { messages } = await user.getPrompt({ name: 'speaker__greet', arguments: { who: 'you' } })
  expect(messages[0]?.content).toEqual({ type: 'text', text: 'greet you' })
  expect((await user.listPrompts()).prompts.map(({ name }) => name)).toEqual(['speaker__greet'])

  expect((await user.listResources()).resources.map(({ uri }) => uri)).toEqual(['lib:///page'])
  expect((await user.readResource({ uri: 'lib:///shelf/7' })).contents).toMatchObject([{ text: 'shelf 7' }])
  const updated = deferred<string>()
  user.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => updated.resolve(params.uri))
  await user.subscribeResource({ uri: 'lib:///page' })
  expect(await said('library__write', { text: 'second' })).toBe('1')
  expect(await updated.promise).toBe('lib:///page')
  expect((await user.readResource({ uri: 'lib:///page' })).contents).toMatchObject([{ text: 'second' }])
  await user.unsubscribeResource({ uri: 'lib:///page' })
  expect(await said('library__write', { text: 'third' })).toBe('0')

  await hub.close()
  expect([await user.listTools(), await user.listPrompts(), await user.listResources()]).toEqual([
    { tools: [] },
    { prompts: [] },
    { resources: [] }
  ])
})

describe('all that a server has, through the SDK', () => {
  test('progress, prompts, resources and subscriptions, from servers with different capabilities', async () => {
    const hub = new ToolHub<Client>()
    const worker = new McpServer(info, { capabilities })
    worker.registerTool('work', {}, async ({ sendNotification, _meta }) => {
      for (const progress of [1, 2])
        await sendNotification({
          method: 'notifications/progress',
          params: { progressToken: _meta!.progressToken!, progress, total: 2 }
        })
      return text('done')
    })
    const library = new McpServer(info, { capabilities: { resources: { subscribe: true, listChanged: true } } })
    const subscribed: string[] = []
    library.registerResource('one', 'lib:///1', {}, ({ href }) => ({ contents: [{ uri: href, text: 'one' }] }))
    library.registerResource(
      'shelf',
      new ResourceTemplate('lib:///shelf/{n}', { list: undefined }),
      {},
      ({ href }, { n }) => ({ contents: [{ uri: href, text: `shelf ${String(n)}` }] })
    )
    library.server.setRequestHandler(SubscribeRequestSchema, ({ params }) => {
      subscribed.push(params.uri)
      return {}
    })
    library.server.setRequestHandler(UnsubscribeRequestSchema, ({ params }) => {
      subscribed.push(`not ${params.uri}`)
      return {}
    })
    const speaker = new McpServer(info)
    speaker.registerPrompt('greet', { argsSchema: { who: z.string() } }, ({ who }) => ({
      messages: [{ role: 'user', content: { type: 'text', text: `greet ${who}` } }]
    }))
    await Promise.all([
      hub.connect('worker', await clientOf(worker)),
      hub.connect('library', await clientOf(library)),
      hub.connect('speaker', await clientOf(speaker))
    ])
    expect(
      hub
        .servers()
        .map(({ serverId, tools, prompts, resources, resourceTemplates }) => [
          serverId,
          ...[tools, prompts, resources, resourceTemplates]
        ])
    ).toEqual([
      ['worker', 1, 0, 0, 0],
      ['library', 0, 0, 1, 1],
      ['speaker', 0, 1, 0, 0]
    ])
    const progress: unknown[] = []
    const result = await hub.callTool('worker__work', {}, { onprogress: at => void progress.push(at.progress) })
    expect([result, progress]).toEqual([text('done'), [1, 2]])
    const { messages } = await hub.getPrompt('speaker__greet', { who: 'you' })
    expect(messages[0]?.content).toEqual({ type: 'text', text: 'greet you' })
    expect((await hub.readResource('lib:///1')).contents).toMatchObject([{ text: 'one' }])
    expect((await hub.readResource('lib:///shelf/7')).contents).toMatchObject([{ text: 'shelf 7' }])
    await hub.subscribeResource('lib:///1')
    await hub.unsubscribeResource('lib:///1')
    expect(subscribed).toEqual(['lib:///1', 'not lib:///1'])
    expectTypeOf(hub.prompts()[0]!.definition).toEqualTypeOf<
      Awaited<ReturnType<Client['listPrompts']>>['prompts'][number]
    >()
    expectTypeOf(hub.readResource).returns.toEqualTypeOf<ReturnType<Client['readResource']>>()
  })

  test('a call that takes longer than the timeout of its server is ended by the client', async () => {
    const slow = new McpServer(info, { capabilities })
    slow.registerTool('sleep', {}, () => new Promise(() => {}))
    const hub = new ToolHub<Client>()
    await hub.connect('slow', await clientOf(slow), { timeout: 30 })
    expect(await rejection(hub.callTool('slow__sleep'))).toMatchObject({ code: -32001 })
  })
})
