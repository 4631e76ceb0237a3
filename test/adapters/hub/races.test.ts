// The races that ToolHub closes, step by step: nothing here happens unless the test says so.

import { getEventListeners } from 'node:events'
import { LockClosedError } from 'latchkey'
import { ToolHub, ToolHubError } from 'latchkey/adapters/hub'
import { describe, expect, test } from 'vitest'
import { deferred, FakeServer, names, outcome, rejection, StrictRegistrar, settled, tool } from './fakes.js'

const code = async (promise: Promise<unknown>) => {
  const error = await rejection(promise)
  expect(error).toBeInstanceOf(ToolHubError)
  return (error as ToolHubError).code
}

describe('one tool, registered twice', () => {
  test('refreshes of one server run one after another, however many are asked for', async () => {
    const registrar = new StrictRegistrar()
    const hub = new ToolHub({ registrar })
    const server = new FakeServer()
    const connected = hub.connect('a', server)
    const first = hub.refresh('a')
    expect(server.listings).toHaveLength(1)
    await server.last.answer('x')
    await connected
    expect(server.listings).toHaveLength(2)
    await server.last.answer('x', 'y')
    await first
    expect(registrar.log).toEqual(['+a__x', '+a__y'])
    expect(names(hub)).toEqual(['a__x', 'a__y'])
  })

  test('servers that finish together take turns with a registrar that is slow', async () => {
    const registrar = new StrictRegistrar()
    registrar.pace = settled
    const hub = new ToolHub({ registrar })
    await Promise.all([
      hub.connect('a', new FakeServer('x', 'y')),
      hub.connect('b', new FakeServer('x', 'y')),
      hub.connect('c', new FakeServer('x', 'y'))
    ])
    await hub.refresh()
    expect(registrar.log.toSorted()).toEqual(['+a__x', '+a__y', '+b__x', '+b__y', '+c__x', '+c__y'])
    expect(registrar.names.toSorted()).toEqual(names(hub).toSorted())
  })

  test('and with one that is not, for `await` lets others in as well', async () => {
    const registrar = new StrictRegistrar()
    const hub = new ToolHub({ registrar })
    await Promise.all(['a', 'b', 'c', 'd'].map(id => hub.connect(id, new FakeServer('x', 'y'))))
    expect(registrar.log).toHaveLength(8)
  })

  test('an old list cannot overwrite a newer one: the newer is not asked for before the old is in', async () => {
    const hub = new ToolHub()
    const server = new FakeServer('x')
    await hub.connect('a', server)
    server.offers = undefined
    const older = hub.refresh('a')
    const newer = hub.refresh('a')
    expect(server.listings).toHaveLength(2)
    await server.last.answer('older')
    await older
    expect(names(hub)).toEqual(['a__older'])
    await server.last.answer('newer')
    await newer
    expect(names(hub)).toEqual(['a__newer'])
  })

  test('a tool that has not changed is left alone, one that has is taken back first', async () => {
    const registrar = new StrictRegistrar()
    const hub = new ToolHub({ registrar })
    const server = new FakeServer('x', 'y', 'z')
    await hub.connect('a', server)
    server.offers = undefined
    registrar.log.length = 0
    const refreshed = hub.refresh('a')
    server.last.resolve({ tools: [tool('x'), tool('y', 'better'), tool('w')] })
    await refreshed
    expect(registrar.log).toEqual(['-a__y', '-a__z', '+a__y', '+a__w'])
    expect(registrar.held.get('a__y')?.definition.description).toBe('better')
    expect(names(hub).toSorted()).toEqual(registrar.names.toSorted())
  })
})

describe('a storm of notifications', () => {
  test('one refresh runs and one waits; all who come meanwhile share it', async () => {
    const hub = new ToolHub()
    const server = new FakeServer('x')
    await hub.connect('a', server)
    server.offers = undefined
    const running = outcome(hub.refresh('a'))
    const storm = Array.from({ length: 1000 }, () => outcome(hub.refresh('a')))
    expect(server.listings).toHaveLength(2)

    await server.last.answer('x')
    expect(running.state).toBe('resolved')
    expect(storm.every(({ state }) => state === 'pending')).toBe(true)
    expect(server.listings).toHaveLength(3)

    await server.last.answer('x', 'y')
    expect(storm.every(({ state }) => state === 'resolved')).toBe(true)
    expect(server.listings).toHaveLength(3)
    expect(names(hub)).toEqual(['a__x', 'a__y'])
  })

  test('a list is younger than the call that asked for it: who comes after its start gets another', async () => {
    const hub = new ToolHub()
    const server = new FakeServer('x')
    await hub.connect('a', server)
    server.offers = undefined
    void hub.refresh('a')
    void hub.refresh('a')
    await server.last.answer('x')
    const late = outcome(hub.refresh('a')) // the second has been asked for: this one cannot share it
    await server.last.answer('x')
    expect(late.state).toBe('pending')
    expect(server.listings).toHaveLength(4)
    await server.last.answer('x')
    expect(late.state).toBe('resolved')
  })

  test('each server has a place of its own', async () => {
    const hub = new ToolHub()
    const servers = [new FakeServer('x'), new FakeServer('x')]
    await Promise.all(servers.map((server, i) => hub.connect(`s${i}`, server)))
    for (const server of servers) server.offers = undefined
    const storm = Array.from({ length: 100 }, () => hub.refresh())
    for (const server of servers) await server.last.answer('y')
    for (const server of servers) await server.last.answer('z')
    await Promise.all(storm)
    expect(servers.map(({ listings }) => listings.length)).toEqual([3, 3])
    expect(names(hub)).toEqual(['s0__z', 's1__z'])
  })

  test('who gives up leaves alone: the refresh goes on for the others', async () => {
    const hub = new ToolHub()
    const server = new FakeServer('x')
    await hub.connect('a', server)
    server.offers = undefined
    const running = new AbortController()
    const waiting = new AbortController()
    const gone = [hub.refresh('a', running), hub.refresh('a', waiting)].map(outcome)
    const stays = outcome(hub.refresh('a'))
    running.abort('first')
    waiting.abort('second')
    await settled()
    expect(gone.map(({ value }) => value)).toEqual(['first', 'second'])
    expect(server.last.signal.aborted).toBe(false)
    await server.last.answer('y')
    await server.last.answer('z')
    expect(stays.state).toBe('resolved')
    expect(names(hub)).toEqual(['a__z'])
  })

  test('a signal that has aborted asks for nothing', async () => {
    const hub = new ToolHub()
    const server = new FakeServer('x')
    await hub.connect('a', server)
    const reason = new Error('too late')
    expect(await rejection(hub.refresh('a', { signal: AbortSignal.abort(reason) }))).toBe(reason)
    expect(await rejection(hub.refresh(undefined, { signal: AbortSignal.abort(reason) }))).toBe(reason)
    expect(server.listings).toHaveLength(1)
  })
})

describe('a list that lands after its server was disconnected', () => {
  test('is not offered, and its refresh is aborted at once', async () => {
    const registrar = new StrictRegistrar()
    const hub = new ToolHub({ registrar })
    const server = new FakeServer('x')
    await hub.connect('a', server)
    server.offers = undefined
    const refreshed = outcome(hub.refresh('a'))
    const waiting = outcome(hub.refresh('a'))
    const disconnected = hub.disconnect('a')
    expect(names(hub)).toEqual([])
    expect(server.last.signal.aborted).toBe(true)
    expect(await disconnected).toBe(true)
    await settled()
    for (const { state, value } of [refreshed, waiting]) {
      expect(state).toBe('rejected')
      expect(value).toMatchObject({ code: 'ERR_SERVER_DISCONNECTED', message: /server "a" was disconnected/ })
    }
    await server.last.answer('x', 'y')
    expect(names(hub)).toEqual([])
    expect(registrar.names).toEqual([])
    expect(server.listings).toHaveLength(2)
  })

  test.each(Array.from({ length: 16 }, (_, ticks) => ticks))(
    'nor when it comes %i promise reactions before the disconnect',
    async ticks => {
      const registrar = new StrictRegistrar()
      const hub = new ToolHub({ registrar })
      const server = new FakeServer()
      const connected = outcome(hub.connect('a', server))
      server.last.resolve({ tools: [tool('x'), tool('y')] })
      for (let i = 0; i < ticks; i++) await null
      await hub.disconnect('a')
      expect(names(hub)).toEqual([])
      await settled()
      expect(names(hub)).toEqual([])
      expect(registrar.names).toEqual([])
      expect(connected.state).not.toBe('pending')
    }
  )

  test('a registrar that is being told is told no more, and told to take back', async () => {
    const registrar = new StrictRegistrar()
    const hub = new ToolHub({ registrar })
    const steps = [deferred(), deferred()]
    let step = 0
    registrar.pace = () => steps[step++]?.promise ?? Promise.resolve()
    const connected = outcome(hub.connect('a', new FakeServer('x', 'y', 'z')))
    steps[0]?.resolve()
    await settled()
    expect(registrar.log).toEqual(['+a__x'])
    const disconnected = outcome(hub.disconnect('a'))
    await settled()
    expect(disconnected.state).toBe('pending')
    steps[1]?.resolve()
    await settled()
    expect(disconnected).toEqual({ state: 'resolved', value: true })
    expect(connected).toMatchObject({ state: 'rejected', value: { code: 'ERR_SERVER_DISCONNECTED' } })
    expect(registrar.log).toEqual(['+a__x', '+a__y', '-a__x', '-a__y'])
  })

  test('nor offered when another server has come under the same id', async () => {
    const hub = new ToolHub()
    const old = new FakeServer()
    const first = outcome(hub.connect('a', old))
    void hub.disconnect('a')
    const next = new FakeServer()
    const second = hub.connect('a', next)
    await settled()
    expect(first).toMatchObject({ state: 'rejected', value: { code: 'ERR_SERVER_DISCONNECTED' } })
    await old.last.answer('old')
    expect(names(hub)).toEqual([])
    await next.last.answer('next')
    await second
    expect(names(hub)).toEqual(['a__next'])
    expect(next.listings).toHaveLength(1)
  })

  test.each(Array.from({ length: 16 }, (_, ticks) => ticks))(
    'nor when it comes %i promise reactions before the change of servers',
    async ticks => {
      const registrar = new StrictRegistrar()
      const hub = new ToolHub({ registrar })
      const old = new FakeServer()
      outcome(hub.connect('a', old))
      old.last.resolve({ tools: [tool('x'), tool('old')] })
      for (let i = 0; i < ticks; i++) await null
      void hub.disconnect('a')
      await hub.connect('a', new FakeServer('x', 'next'))
      await settled()
      expect(names(hub)).toEqual(['a__x', 'a__next'])
      expect(registrar.names).toEqual(['a__x', 'a__next'])
    }
  )

  test('nor does the end of one client take its successor with it', async () => {
    const hub = new ToolHub()
    const old = new FakeServer('x')
    const next = new FakeServer('y')
    await hub.connect('a', old)
    expect(await hub.disconnect('a', next)).toBe(false)
    expect(await hub.disconnect('a', old)).toBe(true)
    await hub.connect('a', next)
    expect(await hub.disconnect('a', old)).toBe(false)
    expect(names(hub)).toEqual(['a__y'])
    expect(await hub.disconnect('a')).toBe(true)
    expect(await hub.disconnect('a')).toBe(false)
  })

  test('a connect that fails late does not end its successor', async () => {
    const registrar = new StrictRegistrar()
    const hub = new ToolHub({ registrar })
    const old = new FakeServer()
    const first = outcome(hub.connect('a', old))
    void hub.disconnect('a')
    const second = hub.connect('a', new FakeServer('y'))
    old.last.reject(new Error('gone'))
    await second
    await settled()
    expect(first.state).toBe('rejected')
    expect(names(hub)).toEqual(['a__y'])
    expect(registrar.names).toEqual(['a__y'])
    await hub.refresh('a')
    expect(await hub.disconnect('a')).toBe(true)
  })

  test('a name is taken back before another server gets it', async () => {
    const registrar = new StrictRegistrar()
    const hub = new ToolHub({ registrar, naming: 'plain' })
    await hub.connect('a', new FakeServer('x'))
    registrar.pace = settled
    const [left] = await Promise.all([hub.disconnect('a'), hub.connect('b', new FakeServer('x'))])
    expect(left).toBe(true)
    expect(registrar.log).toEqual(['+x', '-x', '+x'])
    expect(registrar.held.get('x')?.serverId).toBe('b')
  })
})

describe('two servers, one name', () => {
  test('each has its own by prefix', async () => {
    const hub = new ToolHub()
    await hub.connect('a', new FakeServer('x'))
    await hub.connect('b', new FakeServer('x'))
    expect(hub.tools()).toEqual([
      { name: 'a__x', serverId: 'a', definition: tool('x') },
      { name: 'b__x', serverId: 'b', definition: tool('x') }
    ])
  })

  test('plain: the second is refused as a whole, and can come when the name is free', async () => {
    const registrar = new StrictRegistrar()
    const hub = new ToolHub({ naming: 'plain', registrar })
    await hub.connect('a', new FakeServer('x'))
    const second = new FakeServer('y', 'x')
    const error = await rejection(hub.connect('b', second))
    expect(error).toMatchObject({
      name: 'ToolHubError',
      code: 'ERR_TOOL_NAME_TAKEN',
      message: 'ToolHub: two tools would be named "x": one of server "a", one of server "b" (see options.naming)'
    })
    expect(hub.tools().map(({ serverId }) => serverId)).toEqual(['a'])
    expect(registrar.log).toEqual(['+x'])
    await hub.disconnect('a')
    await hub.connect('b', second)
    expect(names(hub)).toEqual(['y', 'x'])
  })

  test.each([0, 1, 2, 3, 4, 5, 6, 7, 8])('of two that come %i promise reactions apart one gets it', async ticks => {
    const registrar = new StrictRegistrar()
    const hub = new ToolHub({ naming: 'plain', registrar })
    const servers = [new FakeServer(), new FakeServer()]
    const outcomes = servers.map((server, i) => outcome(hub.connect(`s${i}`, server)))
    servers[1]?.last.resolve({ tools: [tool('x')] })
    for (let i = 0; i < ticks; i++) await null
    servers[0]?.last.resolve({ tools: [tool('x')] })
    await settled()
    expect(outcomes.map(({ state }) => state)).toEqual(['rejected', 'resolved'])
    expect(hub.tools()).toMatchObject([{ name: 'x', serverId: 's1' }])
    expect(registrar.log).toEqual(['+x'])
  })

  test('a prefix may run into another one: that is noticed too', async () => {
    const hub = new ToolHub()
    await hub.connect('a', new FakeServer('b__c'))
    expect(await code(hub.connect('a__b', new FakeServer('c')))).toBe('ERR_TOOL_NAME_TAKEN')
  })

  test('two tools of one server, too, if the rule names them alike', async () => {
    const hub = new ToolHub({ naming: () => 'one' })
    expect(await code(hub.connect('a', new FakeServer('x', 'y')))).toBe('ERR_TOOL_NAME_TAKEN')
  })

  test('a list that names a tool twice is malformed: no other server is at fault', async () => {
    const hub = new ToolHub()
    const error = await rejection(hub.connect('a', new FakeServer('x', 'x')))
    expect(error).toMatchObject({
      code: 'ERR_TOOL_MALFORMED',
      message:
        'ToolHub: server "a" sent a malformed list: tools[1].name must be one that was not listed before, got "x"'
    })
  })

  test('a refresh that asks for a taken name leaves the last good tools', async () => {
    const hub = new ToolHub({ naming: 'plain' })
    const server = new FakeServer('y')
    await hub.connect('a', new FakeServer('x'))
    await hub.connect('b', server)
    server.offers = ['z', 'x']
    expect(await code(hub.refresh('b'))).toBe('ERR_TOOL_NAME_TAKEN')
    expect(names(hub)).toEqual(['x', 'y'])
  })

  test('a function makes any name, and a name it must be', async () => {
    const hub = new ToolHub({ naming: (serverId, toolName) => (toolName === 'bad' ? '' : `${toolName}@${serverId}`) })
    await hub.connect('a', new FakeServer('x'))
    expect(names(hub)).toEqual(['x@a'])
    const error = await rejection(hub.connect('b', new FakeServer('bad')))
    expect(error).toBeInstanceOf(TypeError)
    expect(error).toMatchObject({
      message: 'ToolHub: what options.naming returns must be a non-empty string, got ""'
    })
  })
})

describe('a slow server', () => {
  test('holds up nobody: others connect, refresh, answer and leave', async () => {
    const registrar = new StrictRegistrar()
    const hub = new ToolHub({ registrar })
    const slow = new FakeServer()
    const quick = new FakeServer('x')
    const never = outcome(hub.connect('slow', slow))
    await hub.connect('quick', quick)
    quick.offers = ['y']
    const all = outcome(hub.refresh())
    await settled()
    expect(names(hub)).toEqual(['quick__y'])
    const call = hub.callTool('quick__y')
    quick.calls[0]?.resolve('done')
    expect(await call).toBe('done')
    await hub.disconnect('quick')
    expect([never.state, all.state]).toEqual(['pending', 'pending'])
    await slow.last.answer('z')
    await slow.last.answer('z')
    expect([never.state, all.state]).toEqual(['resolved', 'resolved'])
    expect(registrar.names).toEqual(['slow__z'])
  })

  test('can be left behind by connect', async () => {
    const hub = new ToolHub()
    const slow = new FakeServer()
    const patience = new AbortController()
    const connected = hub.connect('a', slow, patience)
    const shared = outcome(hub.refresh('a'))
    const reason = new Error('enough')
    patience.abort(reason)
    expect(await rejection(connected)).toBe(reason)
    expect(slow.last.signal.reason).toBe(reason)
    await settled()
    expect(shared.state).toBe('rejected')
    expect(await code(hub.refresh('a'))).toBe('ERR_SERVER_UNKNOWN')
    await slow.last.answer('x')
    expect(names(hub)).toEqual([])
    await hub.connect('a', new FakeServer('y'))
    expect(names(hub)).toEqual(['a__y'])
  })

  test('is not even asked when the signal has aborted', async () => {
    const hub = new ToolHub()
    const server = new FakeServer('x')
    expect(await rejection(hub.connect('a', server, { signal: AbortSignal.abort('no') }))).toBe('no')
    expect(server.listings).toHaveLength(0)
    await hub.connect('a', server)
  })

  test('a connect that is abandoned while the registrar is at work takes everything back, then rejects', async () => {
    const registrar = new StrictRegistrar()
    const hub = new ToolHub({ registrar })
    const steps = [deferred(), deferred(), deferred()]
    let step = 0
    registrar.pace = () => (steps[step++] ?? deferred()).promise
    const patience = new AbortController()
    const connected = outcome(hub.connect('a', new FakeServer('x', 'y'), patience))
    steps[0]?.resolve()
    await settled()
    patience.abort('enough')
    await settled()
    expect(names(hub)).toEqual([])
    steps[1]?.resolve()
    await settled()
    expect(connected.state).toBe('pending')
    registrar.pace = undefined
    steps[2]?.resolve()
    await settled()
    expect(connected).toEqual({ state: 'rejected', value: 'enough' })
    expect(registrar.names).toEqual([])
  })
})

describe('a server that fails', () => {
  test('to connect leaves nothing behind', async () => {
    const hub = new ToolHub()
    const server = new FakeServer()
    const error = new Error('down')
    const connected = hub.connect('a', server)
    server.last.reject(error)
    expect(await rejection(connected)).toBe(error)
    expect(await code(hub.refresh('a'))).toBe('ERR_SERVER_UNKNOWN')
    server.offers = ['x']
    await hub.connect('a', server)
    expect(names(hub)).toEqual(['a__x'])
  })

  test('by throwing instead of rejecting is a server that fails', async () => {
    const error = new Error('not even a promise')
    const fail = () => {
      throw error
    }
    const hub = new ToolHub()
    expect(await rejection(hub.connect('a', { listTools: fail, callTool: fail }))).toBe(error)
    const server = Object.assign(new FakeServer('x'), { callTool: fail })
    await hub.connect('a', server)
    expect(await rejection(hub.callTool('a__x'))).toBe(error)
  })

  test('to refresh keeps its last good tools', async () => {
    const registrar = new StrictRegistrar()
    const hub = new ToolHub({ registrar })
    const server = new FakeServer('x')
    await hub.connect('a', server)
    server.offers = undefined
    const error = new Error('died')
    const refreshed = hub.refresh('a')
    const next = outcome(hub.refresh('a'))
    server.last.reject(error)
    expect(await rejection(refreshed)).toBe(error)
    expect(names(hub)).toEqual(['a__x'])
    expect(registrar.log).toEqual(['+a__x'])
    await server.last.answer('y')
    expect(next.state).toBe('resolved')
    expect(names(hub)).toEqual(['a__y'])
  })

  test('does not keep refresh() from the others, and is named', async () => {
    const hub = new ToolHub()
    const servers = ['a', 'b', 'c'].map(id => ({ id, server: new FakeServer('x') }))
    for (const { id, server } of servers) await hub.connect(id, server)
    for (const { server } of servers) server.offers = undefined
    const failed = rejection(hub.refresh())
    const error = new Error('died')
    servers[1]?.server.last.reject(error)
    await servers[0]?.server.last.answer('y')
    await servers[2]?.server.last.answer('y')
    const failure = await failed
    expect(failure).toBeInstanceOf(AggregateError)
    expect(failure).toMatchObject({ message: 'ToolHub: failed to refresh servers: "b"', errors: [error] })
    expect(names(hub)).toEqual(['a__y', 'b__x', 'c__y'])
  })

  test('to be there for the whole of refresh() is no failure when it was told to go', async () => {
    const hub = new ToolHub()
    const servers = ['a', 'b'].map(id => ({ id, server: new FakeServer('x') }))
    for (const { id, server } of servers) await hub.connect(id, server)
    for (const { server } of servers) server.offers = undefined
    const refreshed = outcome(hub.refresh())
    await hub.disconnect('a')
    await servers[1]?.server.last.answer('y')
    expect(refreshed.state).toBe('resolved')
    expect(names(hub)).toEqual(['b__y'])
  })

  test('cannot be connected twice', async () => {
    const hub = new ToolHub()
    const server = new FakeServer()
    const connecting = hub.connect('a', server)
    expect(await code(hub.connect('a', server))).toBe('ERR_SERVER_CONNECTED')
    await server.last.answer('x')
    await connecting
    const error = await rejection(hub.connect('a', new FakeServer('y')))
    expect(error).toMatchObject({ message: 'ToolHub: server "a" is connected already: disconnect it first' })
    expect(names(hub)).toEqual(['a__x'])
  })
})

describe('a list', () => {
  test('may come in pages, and is offered when it is complete', async () => {
    const hub = new ToolHub()
    const server = new FakeServer()
    const connected = hub.connect('a', server)
    server.last.resolve({ tools: [tool('x')], nextCursor: 'page 2' })
    await settled()
    expect(server.last.cursor).toBe('page 2')
    expect(names(hub)).toEqual([])
    server.last.resolve({ tools: [], nextCursor: 'page 3' })
    await settled()
    // Some servers write the end of the list as an empty cursor.
    server.last.resolve({ tools: [tool('y')], nextCursor: '' })
    await connected
    expect(server.listings.map(({ cursor }) => cursor)).toEqual([undefined, 'page 2', 'page 3'])
    expect(names(hub)).toEqual(['a__x', 'a__y'])
  })

  test('may not go on for ever', async () => {
    const hub = new ToolHub()
    let asked = 0
    const listTools = async () => ({ tools: [tool(`t${asked++}`)], nextCursor: 'more' })
    const error = await rejection(hub.connect('a', { listTools, callTool: async () => {} }))
    expect(error).toMatchObject({
      code: 'ERR_TOOL_MALFORMED',
      message: 'ToolHub: server "a" sent a malformed list: nextCursor must be absent after 1000 pages, got "more"'
    })
    expect(asked).toBe(1000)
    expect(names(hub)).toEqual([])
  })

  test('that fails on its last page changes nothing', async () => {
    const hub = new ToolHub()
    const server = new FakeServer('x')
    await hub.connect('a', server)
    server.offers = undefined
    const refreshed = hub.refresh('a')
    server.last.resolve({ tools: [tool('y')], nextCursor: '2' })
    await settled()
    server.last.reject(new Error('died'))
    expect(await rejection(refreshed)).toMatchObject({ message: 'died' })
    expect(names(hub)).toEqual(['a__x'])
  })

  test('is not asked for further when the server is disconnected between two pages', async () => {
    const hub = new ToolHub()
    const server = new FakeServer()
    const connected = hub.connect('a', server)
    server.last.resolve({ tools: [tool('y')], nextCursor: '2' })
    void hub.disconnect('a')
    expect(await code(connected)).toBe('ERR_SERVER_DISCONNECTED')
    await settled()
    expect(server.listings).toHaveLength(1)
  })

  test.each([
    [undefined, 'tools must be an array, got undefined'],
    [null, 'tools must be an array, got undefined'],
    [{}, 'tools must be an array, got undefined'],
    [{ tools: { x: 1 } }, 'tools must be an array, got an object'],
    [{ tools: [null] }, 'tools[0] must be an object, got null'],
    [{ tools: ['x'] }, 'tools[0] must be an object, got "x"'],
    [{ tools: [[]] }, 'tools[0] must be an object, got an array'],
    [{ tools: [tool('x'), { inputSchema: {} }] }, 'tools[1].name must be a non-empty string, got undefined'],
    [{ tools: [{ name: '', inputSchema: {} }] }, 'tools[0].name must be a non-empty string, got ""'],
    [{ tools: [{ name: 5, inputSchema: {} }] }, 'tools[0].name must be a non-empty string, got 5'],
    [{ tools: [{ name: 'y' }] }, 'tools[0].inputSchema (y) must be an object, got undefined'],
    [{ tools: [{ name: 'y', inputSchema: null }] }, 'tools[0].inputSchema (y) must be an object, got null'],
    [{ tools: [{ name: 'y', inputSchema: 'any' }] }, 'tools[0].inputSchema (y) must be an object, got "any"'],
    [{ tools: [{ name: 'y', inputSchema: [] }] }, 'tools[0].inputSchema (y) must be an object, got an array']
  ])('that is malformed is refused whole: %j', async (list, fault) => {
    const registrar = new StrictRegistrar()
    const hub = new ToolHub({ registrar })
    const server = new FakeServer('good')
    await hub.connect('a', server)
    server.offers = undefined
    const refreshed = hub.refresh('a')
    server.last.resolve(list as never)
    const error = await rejection(refreshed)
    expect(error).toMatchObject({
      code: 'ERR_TOOL_MALFORMED',
      message: `ToolHub: server "a" sent a malformed list: ${fault}`
    })
    expect(names(hub)).toEqual(['a__good'])
    expect(registrar.log).toEqual(['+a__good'])
  })
})

describe('a registrar that fails', () => {
  test('while a server connects: nothing of that server stays', async () => {
    const registrar = new StrictRegistrar()
    registrar.broken.add('a__y')
    const hub = new ToolHub({ registrar })
    await hub.connect('b', new FakeServer('x'))
    const error = await rejection(hub.connect('a', new FakeServer('x', 'y', 'z')))
    expect(error).toBeInstanceOf(AggregateError)
    expect(error).toMatchObject({
      message: 'ToolHub: the registrar failed for tools: "a__y"',
      errors: [{ message: '+a__y fails' }]
    })
    expect(names(hub)).toEqual(['b__x'])
    expect(registrar.names).toEqual(['b__x'])
  })

  test('while a server refreshes: the others are exposed, and the next change tries again', async () => {
    const registrar = new StrictRegistrar()
    const hub = new ToolHub({ registrar })
    const server = new FakeServer('x')
    await hub.connect('a', server)
    server.offers = ['x', 'y', 'z']
    registrar.broken.add('a__y')
    registrar.pace = settled
    expect(await rejection(hub.refresh('a'))).toMatchObject({ message: /"a__y"/ })
    expect(registrar.names).toEqual(['a__x', 'a__z'])
    expect(names(hub)).toEqual(['a__x', 'a__y', 'a__z'])
    await hub.connect('b', new FakeServer('x')) // hears nothing of it
    registrar.broken.clear()
    await hub.refresh('b')
    expect(registrar.names).toEqual(['a__x', 'a__z', 'b__x', 'a__y'])
  })

  test('to take back what has left: it is offered no more, and disconnect can be called again', async () => {
    const registrar = new StrictRegistrar()
    const hub = new ToolHub({ registrar })
    await hub.connect('a', new FakeServer('x', 'y'))
    registrar.broken.add('a__x')
    expect(await rejection(hub.disconnect('a'))).toMatchObject({ message: /"a__x"/ })
    expect(names(hub)).toEqual([])
    expect(registrar.names).toEqual(['a__x'])
    expect(await rejection(hub.disconnect('a'))).toMatchObject({ message: /"a__x"/ })
    registrar.broken.clear()
    expect(await hub.disconnect('a')).toBe(false)
    expect(registrar.names).toEqual([])
  })

  test('to take back what a failed connect has registered: that is what connect reports', async () => {
    const hub = new ToolHub({
      registrar: {
        register: ({ name }) => {
          if (name === 'a__y') throw new Error('no y')
          return {
            remove: () => {
              throw new Error('no way back')
            }
          }
        }
      }
    })
    const error = await rejection(hub.connect('a', new FakeServer('x', 'y')))
    expect(error).toMatchObject({ message: /"a__x"$/, errors: [{ message: 'no way back' }] })
    expect(names(hub)).toEqual([])
    // It is tried once more, and the registrar still holds the tool.
    expect(await rejection(hub.close())).toMatchObject({ errors: [{ message: 'no way back' }] })
    expect(await rejection(hub.connect('b', new FakeServer('x')))).toBeInstanceOf(LockClosedError)
  })

  test('to return a handle is told so', async () => {
    const hub = new ToolHub({ registrar: { register: () => undefined as never } })
    const error = (await rejection(hub.connect('a', new FakeServer('x')))) as AggregateError
    expect(error.errors).toEqual([
      new TypeError('ToolHub: what registrar.register returns must be an object with a method remove, got undefined')
    ])
  })
})

describe('callTool', () => {
  test('calls the server by its own name, and passes result and error on unchanged', async () => {
    const hub = new ToolHub()
    const server = new FakeServer('x')
    await hub.connect('a', server)
    const args = { deep: { er: 1 } }
    const called = hub.callTool('a__x', args)
    expect(server.calls[0]).toMatchObject({ name: 'x', args })
    expect(server.calls[0]?.args).toBe(args)
    const result = { content: [] }
    server.calls[0]?.resolve(result)
    expect(await called).toBe(result)

    const failing = hub.callTool('a__x')
    expect(server.calls[1]?.args).toEqual({})
    const error = new Error('out of order')
    server.calls[1]?.reject(error)
    expect(await rejection(failing)).toBe(error)
  })

  test('passes the abort on, and does not wait for a server that takes no notice', async () => {
    const hub = new ToolHub()
    const server = new FakeServer('x')
    await hub.connect('a', server)
    const caller = new AbortController()
    const called = hub.callTool('a__x', {}, caller)
    const reason = new Error('enough')
    caller.abort(reason)
    expect(server.calls[0]?.signal.reason).toBe(reason)
    expect(await rejection(called)).toBe(reason)
    server.calls[0]?.reject(new Error('nobody hears this'))
    await settled()
  })

  test('rejects with the reason itself, even if the server rejects with its own words on the same abort', async () => {
    const hub = new ToolHub()
    const server = {
      listTools: async () => ({ tools: [tool('x')] }),
      callTool: (_: unknown, __: unknown, { signal }: { signal?: AbortSignal } = {}) =>
        new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error('wrapped'))))
    }
    await hub.connect('a', server)
    const caller = new AbortController()
    const called = hub.callTool('a__x', {}, caller)
    caller.abort('mine')
    expect(await rejection(called)).toBe('mine')
  })

  test('lets a result stand that came before the abort', async () => {
    const hub = new ToolHub()
    const server = new FakeServer('x')
    await hub.connect('a', server)
    const caller = new AbortController()
    const called = hub.callTool('a__x', {}, caller)
    server.calls[0]?.resolve('done')
    await null
    caller.abort('too late')
    expect(await called).toBe('done')
  })

  test('makes no call for a signal that has aborted', async () => {
    const hub = new ToolHub()
    const server = new FakeServer('x')
    await hub.connect('a', server)
    expect(await rejection(hub.callTool('a__x', {}, { signal: AbortSignal.abort('no') }))).toBe('no')
    expect(server.calls).toHaveLength(0)
  })

  test('leaves nothing on the signal, whatever the server leaves on its own', async () => {
    const hub = new ToolHub()
    const careless = {
      listTools: async () => ({ tools: [tool('x')] }),
      callTool: async (_: unknown, __: unknown, { signal }: { signal?: AbortSignal } = {}) =>
        signal?.addEventListener('abort', () => {})
    }
    const { signal } = new AbortController()
    await hub.connect('a', careless, { signal })
    for (let i = 0; i < 100; i++) await hub.callTool('a__x', {}, { signal })
    await hub.refresh('a', { signal })
    await hub.refresh(undefined, { signal })
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })

  test('knows a tool from its first list to its disconnect, and no longer', async () => {
    const hub = new ToolHub()
    const server = new FakeServer()
    const connected = hub.connect('a', server)
    expect(await code(hub.callTool('a__x'))).toBe('ERR_TOOL_UNKNOWN')
    await server.last.answer('x')
    await connected
    const running = hub.callTool('a__x')
    void hub.disconnect('a')
    const error = await rejection(hub.callTool('a__x'))
    expect(error).toMatchObject({
      code: 'ERR_TOOL_UNKNOWN',
      message: 'ToolHub: no connected server offers a tool "a__x"'
    })
    // A call that is under way runs on.
    expect(server.calls[0]?.signal.aborted).toBe(false)
    server.calls[0]?.resolve('done')
    expect(await running).toBe('done')
    expect(server.calls).toHaveLength(1)
  })
})

describe('close', () => {
  test('ends everything, once', async () => {
    const registrar = new StrictRegistrar()
    registrar.pace = settled
    const hub = new ToolHub({ registrar })
    const server = new FakeServer('x')
    const slow = new FakeServer()
    await hub.connect('a', server)
    const connecting = outcome(hub.connect('slow', slow))
    server.offers = undefined
    const pending = [hub.refresh('a'), hub.refresh('a')].map(outcome)
    const all = outcome(hub.refresh())
    const call = hub.callTool('a__x')

    const closed = hub.close()
    expect(hub.close()).toBe(closed)
    expect(hub.tools()).toEqual([])
    expect(slow.last.signal.aborted).toBe(true)
    await closed
    expect(hub.close()).toBe(closed)
    expect(registrar.names).toEqual([])
    await settled()
    for (const { state, value } of [connecting, ...pending]) {
      expect(state).toBe('rejected')
      expect(value).toBeInstanceOf(LockClosedError)
    }
    expect(all.state).toBe('resolved') // no server was left to refresh

    await slow.last.answer('y')
    await server.last.answer('y')
    expect(hub.tools()).toEqual([])
    expect(registrar.names).toEqual([])

    server.calls[0]?.resolve('done')
    expect(await call).toBe('done')
  })

  test('refuses newcomers, not those who leave', async () => {
    const hub = new ToolHub()
    const server = new FakeServer('x')
    await hub.connect('a', server)
    const closed = hub.close()
    for (const moment of ['closing', 'closed']) {
      for (const refused of [
        hub.connect('b', new FakeServer('y')),
        hub.refresh('a'),
        hub.refresh(),
        hub.callTool('a__x')
      ]) {
        const error = await rejection(refused)
        expect(error, moment).toBeInstanceOf(LockClosedError)
        expect(error, moment).toMatchObject({ code: 'ERR_LOCK_CLOSED', message: 'ToolHub: the hub was closed' })
      }
      expect(await hub.disconnect('a'), moment).toBe(false)
      await closed
    }
    expect(server.listings).toHaveLength(1)
    expect(server.calls).toHaveLength(0)
  })

  test('of an empty hub resolves', async () => {
    await new ToolHub().close()
  })

  test('rejects with what the registrar would not take back', async () => {
    const registrar = new StrictRegistrar()
    const hub = new ToolHub({ registrar })
    await hub.connect('a', new FakeServer('x'))
    await hub.connect('b', new FakeServer('x'))
    registrar.broken.add('b__x')
    const closed = hub.close()
    expect(await rejection(closed)).toMatchObject({ message: 'ToolHub: failed to withdraw servers: "b"' })
    expect(hub.close()).toBe(closed)
    expect(registrar.names).toEqual(['b__x'])
    expect(hub.tools()).toEqual([])
  })

  test('may be called by a server that is being closed', async () => {
    const hub = new ToolHub()
    const server = new FakeServer()
    const connecting = outcome(hub.connect('a', server))
    server.last.signal.addEventListener('abort', () => void hub.close())
    await hub.close()
    await settled()
    expect(connecting.state).toBe('rejected')
  })
})
