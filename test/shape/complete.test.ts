// No public method is forgotten: each is in a test of misuse, in the list of what the deadlock detector wraps, in a type
// test and in a guide, or here, in a list of exceptions with the reason.

import { readdirSync, readFileSync } from 'node:fs'
import * as latchkey from 'latchkey'
import { expect, test } from 'vitest'
import { fromRoot } from '../../scripts/project.js'

const filesIn = (folder: string, end: string) =>
  readdirSync(fromRoot(folder), { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith(end))
    .map(path => readFileSync(fromRoot(`${folder}/${path}`), 'utf8'))
    .join('\n')

const NO_ARGUMENTS = 'takes no argument that can be wrong'
const TAKES_NOTHING = 'takes no lock'
const CALLS = (method: string) => `calls \`${method}\` of the lock, which is wrapped`
const EVENT = 'waits for an event, which no lock holds back'
const SHARED = 'has the same call for every primitive, tested on another one'

/** Where each method has to be found, and the methods that need not be there, with the reason. */
const PLACES: Record<string, { text: string; find: (method: string) => RegExp; except: Record<string, string> }> = {
  misuse: {
    // Where misuse is tested, in whichever form: a table of entries, or a call that is expected to throw.
    text: ['test/core', 'test/primitives'].map(folder => filesIn(folder, '.ts')).join('\n'),
    find: method =>
      new RegExp(`entry\\('\\w+', '${method}'|(\\(\\) =>|test\\b.*misuse).*\\b${method}\\(|'\\w+\\.${method}'`),
    except: {}
  },
  detector: {
    text: readFileSync(fromRoot('src/context/kinds.ts'), 'utf8'),
    find: method => new RegExp(`\\b${method}: \\{`),
    except: {}
  },
  types: {
    text: filesIn('test/types', '.ts'),
    find: method => new RegExp(`\\.${method}(<\\w+>)?\\(`),
    except: {}
  },
  guide: {
    text: filesIn('docs', '.md'),
    find: method => new RegExp(`\\b${method}\\b`),
    except: {}
  }
}

/** Methods that are no primitive's way in, for all places. */
const EXCEPTIONS: Record<string, Record<string, string>> = {
  misuse: {},
  detector: {}
}

type Class = { prototype: object; name: string }
const classes = Object.values(latchkey).filter(
  (it): it is never => typeof it === 'function' && !(it.prototype instanceof Error)
) as Class[]

/** The public methods of a class, those that it inherits included. */
function methodsOf(Class: Class): string[] {
  const names = new Set<string>()
  for (let it = Class.prototype; it !== Object.prototype; it = Object.getPrototypeOf(it) as object)
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(it)))
      if (typeof value === 'function' && name !== 'constructor') names.add(name)
  return [...names].sort()
}

const methods = [...new Set(classes.flatMap(Class => methodsOf(Class)))].sort()

test.only('list', () => {
  const missing = Object.entries(PLACES).map(([place, { text, find }]) => [
    place,
    methods.filter(method => !find(method).test(text))
  ])
  console.log(classes.map(Class => Class.name), methods, JSON.stringify(missing, undefined, 1))
  void [NO_ARGUMENTS, TAKES_NOTHING, CALLS, EVENT, SHARED, EXCEPTIONS]
  expect(1).toBe(1)
})
