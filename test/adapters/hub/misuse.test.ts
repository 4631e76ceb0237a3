// Wrong arguments fail at the call, before anything is asked, and say which and what.

import { ToolHub } from 'latchkey/adapters/hub'
import { expect, test } from 'vitest'
import { thrownBy } from '../../fixtures/thrown.js'
import { FakeServer, names } from './fakes.js'

const hub = new ToolHub()
const server = new FakeServer('x')
// biome-ignore lint/suspicious/noExplicitAny: the point is what the types forbid
const wrong = (value: unknown) => value as any

const misuses: [misuse: string, call: () => unknown, message: string][] = [
  ['no options', () => new ToolHub(wrong(null)), 'options must be an object, got null'],
  ['options', () => new ToolHub(wrong('plain')), 'options must be an object, got "plain"'],
  [
    'a rule',
    () => new ToolHub({ naming: wrong('suffix') }),
    `options.naming must be 'prefix', 'plain' or a function, got "suffix"`
  ],
  [
    'no rule',
    () => new ToolHub({ naming: wrong(null) }),
    `options.naming must be 'prefix', 'plain' or a function, got null`
  ],
  [
    'a registrar',
    () => new ToolHub({ registrar: wrong({}) }),
    'options.registrar must be an object with a method register, got an object'
  ],
  [
    'a function as registrar',
    () => new ToolHub({ registrar: wrong(() => {}) }),
    'options.registrar must be an object with a method register, got a function'
  ],
  ['an observer', () => new ToolHub({ observer: wrong(7) }), 'options.observer must be a LockObserver, got 7'],
  ['connect: no id', () => hub.connect(wrong(undefined), server), 'serverId must be a non-empty string, got undefined'],
  ['connect: empty id', () => hub.connect('', server), 'serverId must be a non-empty string, got ""'],
  [
    'connect: a symbol',
    () => hub.connect(wrong(Symbol('a')), server),
    'serverId must be a non-empty string, got Symbol(a)'
  ],
  [
    'connect: no source',
    () => hub.connect('a', wrong(undefined)),
    'source must be an object with methods listTools and callTool, got undefined'
  ],
  [
    'connect: half a source',
    () => hub.connect('a', wrong({ listTools: server.listTools })),
    'source must be an object with methods listTools and callTool, got an object'
  ],
  [
    'connect: a signal for options',
    () => hub.connect('a', server, wrong('soon')),
    'options must be an object, got "soon"'
  ],
  [
    'connect: a signal',
    () => hub.connect('a', server, { signal: wrong({}) }),
    'options.signal must be an AbortSignal, got an object'
  ],
  [
    'connect: no signal',
    () => hub.connect('a', server, { signal: wrong(null) }),
    'options.signal must be an AbortSignal, got null'
  ],
  [
    'connect: an EventTarget',
    () => hub.connect('a', server, { signal: wrong(new EventTarget()) }),
    'options.signal must be an AbortSignal, got an object'
  ],
  ['disconnect: no id', () => hub.disconnect(wrong(null)), 'serverId must be a non-empty string, got null'],
  ['disconnect: a list', () => hub.disconnect(wrong(['a'])), 'serverId must be a non-empty string, got an array'],
  ['refresh: empty id', () => hub.refresh(''), 'serverId must be a non-empty string, got ""'],
  ['refresh: options first', () => hub.refresh(wrong({})), 'serverId must be a non-empty string, got an object'],
  ['refresh: a signal', () => hub.refresh('a', { signal: wrong(5) }), 'options.signal must be an AbortSignal, got 5'],
  ['callTool: no name', () => hub.callTool(wrong(undefined)), 'name must be a non-empty string, got undefined'],
  ['callTool: text', () => hub.callTool('x', wrong('y')), 'args must be an object, got "y"'],
  ['callTool: null', () => hub.callTool('x', wrong(null)), 'args must be an object, got null'],
  ['callTool: a list', () => hub.callTool('x', wrong([1])), 'args must be an object, got an array'],
  ['callTool: options', () => hub.callTool('x', {}, wrong(true)), 'options must be an object, got true'],
  [
    'callTool: a signal',
    () => hub.callTool('x', {}, { signal: wrong(() => {}) }),
    'options.signal must be an AbortSignal, got a function'
  ]
]

test.each(misuses)('%s', (_, call, message) => {
  const error = thrownBy(call)
  expect(error).toBeInstanceOf(TypeError)
  expect(error).toMatchObject({ message: `ToolHub: ${message}` })
  expect(server.listings).toHaveLength(0)
  expect(server.calls).toHaveLength(0)
})

test('what is undefined is left out', async () => {
  const hub = new ToolHub({ naming: undefined, registrar: undefined })
  await hub.connect('a', server, { signal: undefined })
  await hub.refresh(undefined, undefined)
  expect(names(hub)).toEqual(['a__x'])
  void hub.callTool('a__x', undefined, { signal: undefined })
  expect(server.calls).toHaveLength(1)
})
