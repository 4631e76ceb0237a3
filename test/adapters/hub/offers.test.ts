// What a hub offers besides tools, and how it keeps its promises to those who use it in a service: requests that arrive
// whole, sources that are replaced or opened late, changes that are told once, an order that stays.

import { LockClosedError } from 'latchkey'
import { type Kind, type PageParams, type ToolDefinition, ToolHub, type ToolSource } from 'latchkey/adapters/hub'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { deferred, FakeServer, names, outcome, rejection, StrictRegistrar, settled, tool } from './fakes.js'

const code = (promise: Promise<unknown>) => rejection(promise).then(error => (error as { code?: unknown }).code)

/** A server with lists of every kind, that answers at once and remembers what it was asked for. */
class FullServer implements ToolSource {
  readonly asked: unknown[][] = []
  tools: unknown[] = []
  prompts: unknown[] = []
  resources: unknown[] = []
  resourceTemplates: unknown[] = []
  capabilities: ReturnType<NonNullable<ToolSource['getServerCapabilities']>>
  /** When set, every request waits for it. */
  pace: Promise<unknown> | undefined

  constructor(readonly id: string) {}

  async #answer<T>(what: string, params: unknown, options: unknown, value: T): Promise<T> {
    this.asked.push([what, params, options])
    await this.pace
    return value
  }

  count = (what: string) => this.asked.filter(([method]) => method === what).length
  getServerCapabilities = () => this.capabilities
  listTools = (params?: PageParams, options?: object) =>
    this.#answer('tools', params, options, { tools: this.tools as ToolDefinition[] })
  listPrompts = (params?: PageParams, options?: object) =>
    this.#answer('prompts', params, options, { prompts: this.prompts as { name: string }[] })
  listResources = (params?: PageParams, options?: object) =>
    this.#answer('resources', params, options, { resources: this.resources as { uri: string }[] })
  listResourceTemplates = (params?: PageParams, options?: object) =>
    this.#answer('templates', params, options, {
      resourceTemplates: this.resourceTemplates as { uriTemplate: string }[]
    })
  callTool = (params: object, _?: undefined, options?: object) => this.#answer('call', params, options, this.id)
  getPrompt = (params: object, options?: object) => this.#answer('prompt', params, options, this.id)
  readResource = (params: object, options?: object) => this.#answer('read', params, options, this.id)
  subscribeResource = (params: object, options?: object) => this.#answer('subscribe', params, options, {})
  unsubscribeResource = (params: object, options?: object) => this.#answer('unsubscribe', params, options, {})
}

const full = (id: string, offer: Partial<Record<Kind, unknown[]>> = {}) => Object.assign(new FullServer(id), offer)

describe('a request', () => {
  test('arrives with all its options, its _meta among the parameters, and a signal of its own', async () => {
    const hub = new ToolHub()
    const server = full('a', { tools: [tool('x')] })
    await hub.connect('a', server)
    const onprogress = () => {}
    const caller = new AbortController()
    const options = {
      ...{ onprogress, timeout: 5, resetTimeoutOnProgress: true, maxTotalTimeout: 50, _meta: { trace: 7 } },
      signal: caller.signal
    }
    await hub.callTool('a__x', { n: 1 }, options)
    const [, params, sent] = server.asked.at(-1)!
    expect(params).toEqual({ name: 'x', arguments: { n: 1 }, _meta: { trace: 7 } })
    expect(sent).toEqual({
      ...{ onprogress, timeout: 5, resetTimeoutOnProgress: true, maxTotalTimeout: 50 },
      signal: expect.any(AbortSignal)
    })
    expect((sent as { signal: AbortSignal }).signal).not.toBe(caller.signal)
  })

  test('has the timeout of its server, unless it has its own; lists have it too', async () => {
    const hub = new ToolHub()
    const server = full('a', { tools: [tool('x')], prompts: [{ name: 'p' }], resources: [{ uri: 'r:1' }] })
    await hub.connect('a', server, { timeout: 700 })
    await hub.callTool('a__x')
    await hub.getPrompt('a__p')
    await hub.readResource('r:1')
    await hub.subscribeResource('r:1')
    expect(server.asked.map(([what, , options]) => [what, (options as { timeout: number }).timeout])).toEqual(
      ['tools', 'prompts', 'resources', 'templates', 'call', 'prompt', 'read', 'subscribe'].map(what => [what, 700])
    )
    await hub.callTool('a__x', {}, { timeout: 5 })
    expect(server.asked.at(-1)![2]).toMatchObject({ timeout: 5 })
    const other = full('b', { tools: [tool('x')] })
    await hub.connect('b', other)
    await hub.callTool('b__x')
    expect(other.asked.at(-1)![2]).not.toHaveProperty('timeout')
    expect(() => hub.connect('c', other, { timeout: 0 })).toThrow('options.timeout must be a number of ms > 0, got 0')
  })
})

describe('prompts and resources', () => {
  const offer = (id: string) => ({
    tools: [tool('x')],
    prompts: [{ name: 'greet', title: `of ${id}` }],
    resources: [{ uri: `file:///${id}`, name: id }],
    resourceTemplates: [{ uriTemplate: `db://${id}/{table}`, name: id }]
  })

  test('are merged, found and asked for by the server that has them', async () => {
    const hub = new ToolHub()
    const [a, b] = [full('a', offer('a')), full('b', offer('b'))]
    await Promise.all([hub.connect('a', a), hub.connect('b', b)])
    expect(hub.prompts()).toEqual([
      { name: 'a__greet', serverId: 'a', definition: { name: 'greet', title: 'of a' } },
      { name: 'b__greet', serverId: 'b', definition: { name: 'greet', title: 'of b' } }
    ])
    expect(hub.resources().map(({ uri, serverId }) => [uri, serverId])).toEqual([
      ['file:///a', 'a'],
      ['file:///b', 'b']
    ])
    expect(hub.resourceTemplates().map(({ uriTemplate }) => uriTemplate)).toEqual(['db://a/{table}', 'db://b/{table}'])
    expect(await hub.getPrompt('b__greet', { who: 'you' })).toBe('b')
    expect(b.asked.at(-1)![1]).toEqual({ name: 'greet', arguments: { who: 'you' } })
    expect(await hub.readResource('file:///b')).toBe('b')
    expect(b.asked.at(-1)![1]).toEqual({ uri: 'file:///b' })
    expect(await hub.readResource('db://a/users')).toBe('a')
    expect(await code(hub.readResource('db://a/users/7'))).toBe('ERR_RESOURCE_UNKNOWN')
    expect(await code(hub.getPrompt('greet'))).toBe('ERR_PROMPT_UNKNOWN')
    await hub.disconnect('b')
    expect([hub.prompts(), hub.resources(), hub.resourceTemplates()].map(list => list.length)).toEqual([1, 1, 1])
    expect(await code(hub.readResource('file:///b'))).toBe('ERR_RESOURCE_UNKNOWN')
  })

  test.each([
    ['prompts', { prompts: [{ name: 5 }] }, 'ERR_PROMPT_MALFORMED'],
    ['resources', { resources: [{ uri: '' }] }, 'ERR_RESOURCE_MALFORMED'],
    ['resourceTemplates', { resourceTemplates: [null] }, 'ERR_RESOURCE_MALFORMED'],
    ['prompts twice', { prompts: [{ name: 'p' }, { name: 'p' }] }, 'ERR_PROMPT_MALFORMED']
  ])('%s that are malformed refuse the server, and nothing of it stays', async (_, list, expected) => {
    const hub = new ToolHub()
    expect(await code(hub.connect('a', full('a', { ...offer('a'), ...list })))).toBe(expected)
    expect([hub.tools(), hub.prompts(), hub.resources(), hub.servers()]).toEqual([[], [], [], []])
  })

  test('two servers with one URI: all or nothing, over all kinds', async () => {
    const hub = new ToolHub()
    await hub.connect('a', full('a', offer('a')))
    const b = full('b', { ...offer('b'), resources: [{ uri: 'file:///a' }] })
    expect(await code(hub.connect('b', b))).toBe('ERR_RESOURCE_NAME_TAKEN')
    expect(names(hub)).toEqual(['a__x'])
    expect(hub.prompts()).toHaveLength(1)
  })

  test('a list that lands after its server has left changes nothing, whichever kind it is', async () => {
    for (const held of ['listPrompts', 'listResources', 'listResourceTemplates'] as const) {
      const hub = new ToolHub()
      const server = full('a', offer('a'))
      const late = deferred<never>()
      const original = server[held]
      server[held] = (() => late.promise) as never
      const connecting = outcome(hub.connect('a', server))
      await settled()
      await hub.disconnect('a')
      late.resolve(original() as never)
      await settled()
      expect(connecting).toMatchObject({ state: 'rejected', value: { code: 'ERR_SERVER_DISCONNECTED' } })
      expect([hub.tools(), hub.prompts(), hub.resources(), hub.resourceTemplates()]).toEqual([[], [], [], []])
    }
  })

  test('a server is not asked for what it says it does not have', async () => {
    const hub = new ToolHub()
    const server = full('a', offer('a'))
    server.capabilities = { prompts: {} }
    await hub.connect('a', server)
    expect(server.asked.map(([what]) => what)).toEqual(['prompts'])
    expect([hub.tools().length, hub.prompts().length]).toEqual([0, 1])
  })

  test('one that knows no such method has none; another error is an error', async () => {
    const hub = new ToolHub()
    const server = full('a', { prompts: [{ name: 'p' }] })
    server.listTools = () => Promise.reject(Object.assign(new Error('Method not found'), { code: -32601 }))
    await hub.connect('a', server)
    expect([hub.tools().length, hub.prompts().length]).toEqual([0, 1])
    server.listTools = () => Promise.reject(Object.assign(new Error('no'), { code: -32603 }))
    expect(await rejection(hub.refresh('a'))).toMatchObject({ code: -32603 })
  })
})

describe('subscriptions', () => {
  const resources = [{ uri: 'r:1' }]

  test('the server is asked once, however many want it, and told to stop by the last', async () => {
    const hub = new ToolHub()
    const server = full('a', { resources })
    await hub.connect('a', server)
    await Promise.all([hub.subscribeResource('r:1'), hub.subscribeResource('r:1')])
    expect([server.count('subscribe'), server.count('unsubscribe')]).toEqual([1, 0])
    await hub.unsubscribeResource('r:1')
    expect(server.count('unsubscribe')).toBe(0)
    await hub.unsubscribeResource('r:1')
    await hub.unsubscribeResource('r:1')
    expect([server.count('subscribe'), server.count('unsubscribe')]).toEqual([1, 1])
    expect(await code(hub.subscribeResource('r:2'))).toBe('ERR_RESOURCE_UNKNOWN')
  })

  test('a server that comes back, or is replaced, is asked again', async () => {
    const hub = new ToolHub()
    await hub.connect('a', full('a', { resources }))
    await hub.subscribeResource('r:1')
    const second = full('a', { resources })
    await hub.replace('a', second)
    expect(second.count('subscribe')).toBe(1)
    await hub.refresh('a')
    expect(second.count('subscribe')).toBe(1)
    await hub.disconnect('a')
    const third = full('a', { resources })
    await hub.connect('a', third)
    expect(third.count('subscribe')).toBe(1)
    await hub.unsubscribeResource('r:1')
    expect(third.count('unsubscribe')).toBe(1)
  })

  test('subscribing and cancelling at the same time end with what was wanted last', async () => {
    const hub = new ToolHub()
    const server = full('a', { resources })
    await hub.connect('a', server)
    const go = deferred()
    server.pace = go.promise
    const caller = new AbortController()
    const both = [hub.subscribeResource('r:1', caller), hub.subscribeResource('r:1')]
    await settled()
    caller.abort('enough')
    expect(await rejection(both[0]!)).toBe('enough')
    const off = hub.unsubscribeResource('r:1')
    go.resolve()
    await Promise.all([both[1], off])
    await settled()
    expect([server.count('subscribe'), server.count('unsubscribe')]).toEqual([1, 1])
  })
})

describe('replace', () => {
  test('keeps the tools, and calls wait for the new source', async () => {
    const registrar = new StrictRegistrar()
    const hub = new ToolHub({ registrar })
    const old = full('old', { tools: [tool('x'), tool('y')] })
    await hub.connect('a', old)
    await hub.connect('b', full('b', { tools: [tool('z')] }))
    const go = deferred()
    const next = full('new', { tools: [tool('x'), tool('y', 'new')] })
    next.pace = go.promise
    const replaced = hub.replace('a', next)
    const call = outcome(hub.callTool('a__x'))
    await settled()
    expect(names(hub)).toEqual(['a__x', 'a__y', 'b__z'])
    expect([call.state, old.count('call'), hub.servers()[0]?.state]).toEqual(['pending', 0, 'replacing'])
    registrar.log.length = 0
    go.resolve()
    next.pace = undefined
    await replaced
    await settled()
    expect(call).toMatchObject({ state: 'resolved', value: 'new' })
    expect([old.count('call'), next.count('call')]).toEqual([0, 1])
    // Only what has changed is registered anew, and each tool keeps its place.
    expect(registrar.log).toEqual(['-a__y', '+a__y'])
    expect(names(hub)).toEqual(['a__x', 'a__y', 'b__z'])
    expect(hub.servers()[0]?.state).toBe('connected')
    expect([await hub.disconnect('a', old), await hub.disconnect('a', next)]).toEqual([false, true])
  })

  test('that fails leaves the old source, to which the waiting calls go, and refreshes work again', async () => {
    const hub = new ToolHub()
    const old = full('old', { tools: [tool('x')] })
    await hub.connect('a', old)
    const next = full('new')
    const go = deferred<never>()
    next.listTools = () => go.promise
    const replaced = outcome(hub.replace('a', next))
    const call = outcome(hub.callTool('a__x'))
    const refreshed = outcome(hub.refresh('a'))
    await settled()
    go.reject(new Error('cannot list'))
    await settled()
    expect(replaced).toMatchObject({ state: 'rejected', value: { message: 'cannot list' } })
    expect(call.value).toBe('old')
    expect(refreshed.state).toBe('resolved')
    await hub.refresh('a')
    expect(old.count('tools')).toBe(2)
  })

  test('does not wait for an old source that does not answer', async () => {
    const hub = new ToolHub()
    const old = new FakeServer('x')
    await hub.connect('a', old)
    old.offers = undefined
    const stuck = outcome(hub.refresh('a'))
    await hub.replace('a', new FakeServer('x', 'y'))
    expect(names(hub)).toEqual(['a__x', 'a__y'])
    await settled()
    expect(stuck).toMatchObject({ state: 'rejected', value: { code: 'ERR_SERVER_DISCONNECTED' } })
    await old.last.answer('late')
    expect(names(hub)).toEqual(['a__x', 'a__y'])
  })

  test('is ended by disconnect, by close and by an abort', async () => {
    for (const end of ['disconnect', 'close', 'abort'] as const) {
      const hub = new ToolHub()
      const old = full('old', { tools: [tool('x')] })
      await hub.connect('a', old)
      const next = new FakeServer()
      const caller = new AbortController()
      const replaced = outcome(hub.replace('a', next, caller))
      const call = outcome(hub.callTool('a__x'))
      await settled()
      if (end === 'disconnect') await hub.disconnect('a')
      else if (end === 'close') await hub.close()
      else caller.abort('enough')
      await settled()
      expect(replaced.state).toBe('rejected')
      expect(next.last.signal.aborted).toBe(true)
      await next.last.answer('x')
      expect(names(hub)).toEqual(end === 'abort' ? ['a__x'] : [])
      if (end === 'abort') expect([replaced.value, call.value]).toEqual(['enough', 'old'])
      else if (end === 'disconnect') expect(call.value).toMatchObject({ code: 'ERR_TOOL_UNKNOWN' })
      else expect(call.value).toBeInstanceOf(LockClosedError)
    }
  })

  test('one at a time; a server that is not there is connected', async () => {
    const hub = new ToolHub()
    await hub.replace('a', full('a', { tools: [tool('x')] }))
    expect(names(hub)).toEqual(['a__x'])
    const first = outcome(hub.replace('a', new FakeServer()))
    expect(await code(hub.replace('a', new FakeServer('y')))).toBe('ERR_SERVER_REPLACING')
    await hub.close()
    await settled()
    expect(first.state).toBe('rejected')
  })

  describe('for longer than', () => {
    beforeEach(() => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    })
    afterEach(() => {
      vi.useRealTimers()
    })

    test('replaceWait rejects the calls that wait, and sets no timer otherwise', async () => {
      const hub = new ToolHub({ replaceWait: 50 })
      await hub.connect('a', full('a', { tools: [tool('x')] }))
      const next = new FakeServer()
      const replaced = hub.replace('a', next)
      const call = outcome(hub.callTool('a__x'))
      await settled()
      vi.advanceTimersByTime(50)
      await settled()
      expect(call).toMatchObject({ state: 'rejected', value: { code: 'ERR_SERVER_REPLACING' } })
      await next.last.answer('x')
      await replaced
      expect(vi.getTimerCount()).toBe(0)
    })
  })
})

describe('order', () => {
  test('is that in which servers first came, whoever leaves and returns, and the own order of each', async () => {
    const hub = new ToolHub()
    await hub.connect('a', new FakeServer('x'))
    await hub.connect('b', new FakeServer('x'))
    await hub.disconnect('a')
    await hub.connect('c', new FakeServer('x'))
    await hub.connect('a', new FakeServer('z', 'x', 'y'))
    expect(names(hub)).toEqual(['a__z', 'a__x', 'a__y', 'b__x', 'c__x'])
  })

  test('is kept for a thousand servers that have left, not for all', async () => {
    const hub = new ToolHub()
    await hub.connect('first', new FakeServer('x'))
    await hub.connect('stays', new FakeServer('x'))
    await hub.disconnect('first')
    for (let i = 0; i < 1100; i++) {
      await hub.connect(`once ${i}`, new FakeServer('x'))
      await hub.disconnect(`once ${i}`)
    }
    await hub.connect('first', new FakeServer('x'))
    expect(names(hub)).toEqual(['stays__x', 'first__x'])
  })
})

describe('what is wrong with a list', () => {
  test("onMalformed 'skip': the rest is offered, and the status says what was left out", async () => {
    const hub = new ToolHub({ onMalformed: 'skip' })
    const server = full('a', { tools: [tool('x'), null, { name: 'y' }, tool('x'), tool('z')] })
    await hub.connect('a', server)
    expect(names(hub)).toEqual(['a__x', 'a__z'])
    expect(hub.servers()[0]?.skipped).toEqual([
      expect.stringContaining('tools[1] must be an object, got null'),
      expect.stringContaining('tools[2].inputSchema (y) must be an object'),
      expect.stringContaining('tools[3].name must be one that was not listed before, got "x"')
    ])
    server.tools = [tool('x')]
    await hub.refresh('a')
    expect(hub.servers()[0]?.skipped).toEqual([])
  })

  test("onConflict 'skip': it goes without what is taken, until that is free", async () => {
    const hub = new ToolHub({ naming: 'plain', onConflict: 'skip' })
    await hub.connect('a', new FakeServer('x', 'y'))
    await hub.connect('b', new FakeServer('y', 'z'))
    expect(hub.tools().map(({ name, serverId }) => [name, serverId])).toEqual([
      ['x', 'a'],
      ['y', 'a'],
      ['z', 'b']
    ])
    expect(hub.servers()[1]).toMatchObject({ tools: 1, skipped: ['tool "y": its name is taken'] })
    await hub.disconnect('a')
    await hub.refresh('b')
    expect(names(hub)).toEqual(['y', 'z'])
  })

  test('onConflict as a rule makes another name, which must be free', async () => {
    const asked: unknown[] = []
    const hub = new ToolHub({
      naming: 'plain',
      onConflict: conflict => {
        asked.push(conflict)
        return conflict.ownName === 'y' ? 'y' : `${conflict.name}_of_${conflict.serverId}`
      }
    })
    const server = full('b', { tools: [tool('x'), tool('z')] })
    await hub.connect('a', new FakeServer('x', 'y'))
    await hub.connect('b', server)
    expect(names(hub)).toEqual(['x', 'y', 'x_of_b', 'z'])
    expect(asked).toEqual([{ kind: 'tools', name: 'x', ownerId: 'a', serverId: 'b', ownName: 'x' }])
    await hub.callTool('x_of_b')
    expect(server.asked.at(-1)![1]).toMatchObject({ name: 'x' })
    expect(await code(hub.connect('c', new FakeServer('y')))).toBe('ERR_TOOL_NAME_TAKEN')
    await hub.refresh('b')
    expect(names(hub)).toEqual(['x', 'y', 'x_of_b', 'z'])
  })
})

test('a tool that its server calls by another name, and the hub by the same, is called by that name', async () => {
  const hub = new ToolHub({ naming: (id, ownName) => `${id}:${ownName.replace(/ v\d$/, '')}` })
  const server = full('a', { tools: [tool('x v1')] })
  await hub.connect('a', server)
  server.tools = [{ ...tool('x v1'), name: 'x v2' }]
  await hub.refresh('a')
  expect(names(hub)).toEqual(['a:x'])
  await hub.callTool('a:x')
  expect(server.asked.at(-1)?.[1]).toMatchObject({ name: 'x v2' })
})

describe('onChange', () => {
  test('is called once for each finished change, when the registrar has heard of it, and not without one', async () => {
    const registrar = new StrictRegistrar()
    const changes: [Kind[], string[]][] = []
    const hub = new ToolHub({ registrar, onChange: kinds => changes.push([[...kinds], registrar.names]) })
    const server = full('a', { tools: [tool('x'), tool('y')], prompts: [{ name: 'p' }] })
    await hub.connect('a', server)
    expect(changes.splice(0)).toEqual([
      [
        ['tools', 'prompts'],
        ['a__x', 'a__y']
      ]
    ])
    await hub.refresh('a')
    expect(changes).toEqual([])
    server.tools = [tool('x', 'changed'), tool('y')]
    await hub.refresh('a')
    expect(changes.splice(0)).toEqual([[['tools'], ['a__y', 'a__x']]])
    server.tools.reverse()
    await hub.refresh('a')
    expect(changes.splice(0)).toHaveLength(1) // the order is part of the list
    await hub.disconnect('a')
    expect(changes.splice(0)).toEqual([[['tools', 'prompts'], []]])
    await hub.disconnect('a')
    expect(changes).toEqual([])
  })

  test('is called once for changes that come while the registrar is at work', async () => {
    const changes: string[][] = []
    const registrar = new StrictRegistrar()
    registrar.pace = settled
    const hub: ToolHub = new ToolHub({ registrar, onChange: () => changes.push(names(hub)) })
    await Promise.all(['a', 'b', 'c'].map(id => hub.connect(id, new FakeServer('x', 'y'))))
    expect(changes).toEqual([['a__x', 'a__y', 'b__x', 'b__y', 'c__x', 'c__y']])
  })

  test('waits for changeDelay, and what it throws is uncaught', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const thrown: unknown[] = []
    const before = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException').on('uncaughtException', error => thrown.push(error))
    try {
      const changes: Kind[][] = []
      const hub = new ToolHub({
        changeDelay: 50,
        onChange: kinds => {
          changes.push([...kinds])
          throw new Error('its own')
        }
      })
      await hub.connect('a', full('a', { tools: [tool('x')] }))
      vi.advanceTimersByTime(30)
      await hub.connect('b', full('b', { prompts: [{ name: 'p' }] }))
      expect(changes).toEqual([])
      vi.advanceTimersByTime(20)
      expect(changes).toEqual([['tools', 'prompts']])
      // The second change had none of its own to come.
      vi.advanceTimersByTime(100)
      expect(changes).toHaveLength(1)
      await settled()
      expect(thrown).toMatchObject([{ message: 'its own' }])
    } finally {
      process.removeAllListeners('uncaughtException')
      for (const listener of before) process.on('uncaughtException', listener)
      vi.useRealTimers()
    }
  })
})

describe('a handle that can update', () => {
  const registrarOf = (extra: object) => {
    const log: string[] = []
    const register = ({ name }: { name: string }) => {
      log.push(`+${name}`)
      return {
        remove: () => void log.push(`-${name}`),
        update: ({ definition }: { definition: { description?: string | undefined } }) =>
          void log.push(`${name} is ${definition.description}`),
        ...extra
      }
    }
    return { log, register }
  }

  test.each<[string, object, string[]]>([
    ['is asked to', {}, ['+a__x', 'a__x is new', '-a__x']],
    ['is not, if its update is that of a RegisteredTool', { enable() {} }, ['+a__x', '-a__x', '+a__x', '-a__x']]
  ])('%s', async (_, extra, expected) => {
    const { log, register } = registrarOf(extra)
    const hub = new ToolHub({ registrar: { register } })
    const server = full('a', { tools: [tool('x')] })
    await hub.connect('a', server)
    server.tools = [tool('x', 'new')]
    await hub.refresh('a')
    await hub.close()
    expect(log).toEqual(expected)
  })
})

describe('a lazy server', () => {
  test('offers what is known, and is opened once, by the first who need it', async () => {
    const hub = new ToolHub()
    const server = full('a', { tools: [tool('x'), tool('new')] })
    const opened = deferred<typeof server>()
    const open = vi.fn(() => opened.promise)
    await hub.connectLazily('a', open, { tools: [tool('x')], prompts: [{ name: 'p' }] })
    expect([names(hub), hub.prompts().length, open.mock.calls.length]).toEqual([['a__x'], 1, 0])
    expect(hub.servers()).toMatchObject([{ serverId: 'a', state: 'lazy', tools: 1, prompts: 1 }])
    await hub.refresh() // leaves it alone
    expect(open).not.toHaveBeenCalled()
    const calls = [hub.callTool('a__x'), hub.callTool('a__x'), hub.getPrompt('a__p')]
    opened.resolve(server)
    expect(await Promise.all(calls)).toEqual(['a', 'a', 'a'])
    expect(open).toHaveBeenCalledTimes(1)
    await settled()
    expect(names(hub)).toEqual(['a__x', 'a__new'])
    expect(hub.servers()).toMatchObject([{ state: 'connected', tools: 2, prompts: 0 }])
  })

  test('that cannot be opened rejects the call, says so, and is tried again', async () => {
    const hub = new ToolHub()
    const server = full('a', { tools: [tool('x')] })
    let fails = true
    await hub.connectLazily('a', () => (fails ? Promise.reject(new Error('no port')) : server), { tools: [tool('x')] })
    expect(await rejection(hub.callTool('a__x'))).toMatchObject({ message: 'no port' })
    expect(hub.servers()).toMatchObject([{ state: 'lazy', error: { message: 'no port' } }])
    fails = false
    expect(await hub.callTool('a__x')).toBe('a')
    await settled()
    expect(hub.servers()[0]).not.toHaveProperty('error')
    await hub.connectLazily('b', () => full('b', { tools: [tool('y')] }), {})
    await hub.refresh('b')
    expect(names(hub)).toEqual(['a__x', 'b__y'])
  })

  test.each<[string, () => unknown, string]>([
    ['no function', () => new ToolHub().connectLazily('a', {} as never, {}), 'open must be a function, got an object'],
    [
      'nothing known',
      () => new ToolHub().connectLazily('a', () => full('a'), null as never),
      'known must be an object, got null'
    ],
    [
      'no list',
      () => new ToolHub().connectLazily('a', () => full('a'), { tools: 'x' as never }),
      'known.tools must be an array, got "x"'
    ],
    [
      'no name',
      () => new ToolHub().connectLazily('a', () => full('a'), { prompts: [{} as never] }),
      'known.prompts[0].name must be a non-empty string, got undefined'
    ]
  ])('%s is refused at the call', (_, call, message) => {
    expect(call).toThrow(new TypeError(`ToolHub: ${message}`))
  })
})

describe('close', () => {
  test('tries once more what the registrar refused to take back', async () => {
    const registrar = new StrictRegistrar()
    const hub = new ToolHub({ registrar })
    await hub.connect('a', new FakeServer('x'))
    registrar.broken.add('a__x')
    expect(await rejection(hub.disconnect('a'))).toBeInstanceOf(AggregateError)
    registrar.broken.clear()
    await hub.close()
    expect(registrar.names).toEqual([])
  })

  test('rejects if the registrar still refuses, with no server left too', async () => {
    const registrar = new StrictRegistrar()
    const hub = new ToolHub({ registrar })
    await hub.connect('a', new FakeServer('x'))
    registrar.broken.add('a__x')
    await rejection(hub.disconnect('a'))
    expect(await rejection(hub.close())).toMatchObject({ errors: [{ message: '-a__x fails' }] })
  })

  test('waits for a disconnect, and for a connect that was aborted, which are not awaited', async () => {
    const registrar = new StrictRegistrar()
    registrar.pace = settled
    const hub = new ToolHub({ registrar })
    await hub.connect('a', new FakeServer('x', 'y'))
    const caller = new AbortController()
    const connecting = outcome(hub.connect('b', new FakeServer('x', 'y'), caller))
    await settled()
    caller.abort('enough')
    const gone = outcome(hub.disconnect('a'))
    await hub.close()
    expect(registrar.names).toEqual([])
    expect(registrar.faults).toEqual([])
    await settled()
    expect([connecting.value, gone.value]).toEqual(['enough', true])
  })

  test('refresh() with no server left tries again too, and tells', async () => {
    const registrar = new StrictRegistrar()
    const hub = new ToolHub({ registrar })
    await hub.connect('a', new FakeServer('x'))
    registrar.broken.add('a__x')
    await rejection(hub.disconnect('a'))
    expect(await rejection(hub.refresh())).toBeInstanceOf(AggregateError)
    registrar.broken.clear()
    await hub.refresh()
    expect(registrar.names).toEqual([])
  })
})

test.each<[string, () => unknown, string]>([
  [
    'onConflict',
    () => new ToolHub({ onConflict: 'keep' as never }),
    `options.onConflict must be 'refuse', 'skip' or a function, got "keep"`
  ],
  [
    'onMalformed',
    () => new ToolHub({ onMalformed: 'keep' as never }),
    `options.onMalformed must be 'refuse' or 'skip', got "keep"`
  ],
  ['onChange', () => new ToolHub({ onChange: 5 as never }), 'options.onChange must be a function, got 5'],
  ['changeDelay', () => new ToolHub({ changeDelay: -1 }), 'options.changeDelay must be a number of ms >= 0, got -1'],
  [
    'replaceWait',
    () => new ToolHub({ replaceWait: '5' as never }),
    'options.replaceWait must be a number of ms >= 0, got "5"'
  ],
  [
    'replace without a source',
    () => new ToolHub().replace('a', {} as never),
    'source must be an object with methods listTools and callTool, got an object'
  ],
  ['readResource', () => new ToolHub().readResource(''), 'uri must be a non-empty string, got ""'],
  ['getPrompt', () => new ToolHub().getPrompt('p', [] as never), 'args must be an object, got an array'],
  ['subscribeResource', () => new ToolHub().subscribeResource(5 as never), 'uri must be a non-empty string, got 5'],
  ['unsubscribeResource', () => new ToolHub().unsubscribeResource('r', 5 as never), 'options must be an object, got 5']
])('misuse: %s', (_, call, message) => {
  expect(call).toThrow(new TypeError(`ToolHub: ${message}`))
})

test('a rule for conflicts has to name', async () => {
  const hub = new ToolHub({ naming: 'plain', onConflict: () => '' })
  await hub.connect('a', new FakeServer('x'))
  expect(await rejection(hub.connect('b', new FakeServer('x')))).toEqual(
    new TypeError('ToolHub: what options.onConflict returns must be a non-empty string, got ""')
  )
})

describe('a URI that no server lists', () => {
  test.each<[string, string, boolean]>([
    ['file:///{path}', 'file:///a.txt', true],
    ['file:///{path}', 'file:///a/b.txt', false],
    ['file:///{+path}', 'file:///a/b.txt', true],
    ['db://{table}/{id}', 'db://users/7', true],
    ['db://{table}/{id}', 'db://users', false],
    ['x://a{?q}', 'x://a?q=1&r=2', true],
    ['x://a{/rest}', 'x://a/b/c', true],
    ['x://a.b', 'x://aXb', false],
    ['x://(a){b', 'x://(a){b', true],
    [`x://${'{a}'.repeat(9)}`, 'x://aaaaaaaaaaaa!', false]
  ])('%s and %s: %s', async (uriTemplate, uri, isRead) => {
    const hub = new ToolHub()
    await hub.connect('a', full('a', { resourceTemplates: [{ uriTemplate }] }))
    const outcome = await hub.readResource(uri).catch(error => error.code)
    expect(outcome).toBe(isRead ? 'a' : 'ERR_RESOURCE_UNKNOWN')
  })
})
