// No public method is forgotten: each one is in a test of misuse, in the list of what the deadlock detector wraps, in a type
// test and in a guide, or in the list of exceptions here, with the reason. An exception that is not needed fails as well.

import { readdirSync, readFileSync } from 'node:fs'
import * as latchkey from 'latchkey'
import { describe, expect, test } from 'vitest'
import { fromRoot } from '../../scripts/project.js'

const textOf = (...folders: string[]): string =>
  folders
    .flatMap(folder =>
      readdirSync(fromRoot(folder), { recursive: true, encoding: 'utf8' })
        .filter(path => /\.(ts|md)$/.test(path))
        .map(path => readFileSync(fromRoot(`${folder}/${path}`), 'utf8'))
    )
    .join('\n')

interface Class {
  readonly name: string
  readonly prototype: object
}

const classes = Object.values(latchkey).filter(
  it => typeof it === 'function' && !((it.prototype as unknown) instanceof Error)
) as unknown as Class[]

/** The public methods of a class, those that it inherits included. */
function methodsOf(Class: Class): string[] {
  const names = new Set<string>()
  for (let it = Class.prototype; it !== Object.prototype; it = Object.getPrototypeOf(it) as object)
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(it)))
      if (typeof value === 'function' && name !== 'constructor') names.add(name)
  return [...names].sort()
}

/** The same reason for several methods. */
const because = (reason: string, ...methods: string[]) => Object.fromEntries(methods.map(method => [method, reason]))

interface Place {
  readonly text: string
  readonly find: (method: string) => RegExp
  /** The methods that need not be there, and why. */
  readonly exceptions: Readonly<Record<string, string>>
}

const PLACES: Record<string, Place> = {
  'a test of misuse': {
    text: textOf('test/core', 'test/primitives'),
    // A row of the table, a call that is to throw, or a test that says so.
    find: method =>
      new RegExp(`entry\\('\\w+', '${method}'|(\\(\\) =>|test\\b.*misuse).*\\b${method}\\(|\\.${method}'`),
    exceptions: {
      ...because('has no argument', 'open', 'shut', 'toJSON', 'toString', 'warm'),
      ...because('any value is a reason', 'close', 'rejectAll'),
      ...because('any value is a key or a result', 'forget', 'grant', 'has', 'isLocked', 'peek', 'waitingFor'),
      ...because(
        'is tested by name from a list of methods, in read-write-lock.test.ts',
        ...['acquireRead', 'acquireWrite', 'runRead', 'runWrite']
      )
    }
  },
  'the list of what the detector wraps': {
    text: textOf('src/context'),
    find: method => new RegExp(`\\b${method}: \\{`),
    exceptions: {
      ...because('calls the task method of its lock, which is wrapped', 'map', 'wrap', 'wrapRead'),
      ...because('takes nothing that another caller could wait for', 'get', 'grant', 'peek', 'has', 'resize', 'warm'),
      ...because('waits for an event, not for a holder', 'arrive', 'wait', 'waitFor', 'whenFree'),
      ...because('makes an event happen', 'countDown', 'notify', 'notifyAll', 'open', 'reset', 'shut'),
      ...because('ends waits', 'cancelWaiters', 'close', 'forget', 'rejectAll'),
      ...because('only looks', 'isLocked', 'keys', 'toJSON', 'toString', 'waitingFor')
    }
  },
  'a type test': {
    text: textOf('test/types'),
    find: method => new RegExp(`\\.${method}(<\\w+>)?\\(`),
    exceptions: because('is no part of how a lock is used', 'toJSON', 'toString')
  },
  'a guide': {
    text: textOf('docs'),
    find: method => new RegExp(`\\b${method}\\b`),
    exceptions: because('is called by the platform', 'toJSON', 'toString')
  }
}

const methods = [...new Set(classes.flatMap(methodsOf))].sort()
const missing = ({ text, find }: Place, names: readonly string[]) => names.filter(name => !find(name).test(text))

test('the classes are those of the entry point, with their inherited methods', () => {
  expect(classes.map(({ name }) => name)).toEqual(expect.arrayContaining(['Mutex', 'KeyedMutex', 'Semaphore', 'Pool']))
  expect(methods).toEqual(expect.arrayContaining(['acquire', 'close', 'map', 'toString', 'wrap', 'wrapRead']))
})

describe.each(Object.entries(PLACES))('each public method is in %s', (_, place) => {
  test('or is an exception with a reason', () => {
    expect(missing(place, methods)).toEqual(
      Object.keys(place.exceptions)
        .filter(name => methods.includes(name))
        .sort()
    )
  })

  test('and every exception is a method', () => {
    expect(Object.keys(place.exceptions).filter(name => !methods.includes(name))).toEqual([])
  })

  test('and one that is forgotten is noticed', () => {
    expect(missing(place, ['acquire', 'acquireNever'])).toEqual(['acquireNever'])
  })
})
