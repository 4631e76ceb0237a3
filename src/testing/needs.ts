// What a lock needs to be made with: a parameter that it calls, or looks into, and never asks for. One that was made without
// it fails in a way that says nothing about it.

import type { Callable } from './members.js'
import { constructorParametersOf, type Parameter } from './signature.js'

/** The parameters of a class or a factory that it uses as they are, and that so many arguments leave out. */
export function missingIn(make: Callable, given: number): string[] {
  const source = Function.prototype.toString.call(make)
  return constructorParametersOf(make)
    .slice(given)
    .filter(parameter => isNeeded(parameter, source))
    .map(({ name }) => name)
}

function isNeeded({ name, fields, rest, hasDefault }: Parameter, source: string): boolean {
  if (name === '' || rest || hasDefault || fields.length > 0) return false
  const kept = new RegExp(`this\\.(#?[\\w$]+)\\s*=\\s*${escaped(name)}\\s*[;,\\n}]`, 'g')
  const uses = [
    `(?<![\\w$#.])${escaped(name)}`,
    ...Array.from(source.matchAll(kept), ([, field = '']) => `this\\.${escaped(field)}`)
  ]
  const isIn = (...patterns: string[]) => patterns.some(pattern => new RegExp(pattern).test(source))
  const isAskedFor = uses.some(use =>
    isIn(
      `${use}\\s*(\\?\\.|\\?\\?|\\|\\||&&|\\?|[!=]==?)`,
      `typeof ${use}\\b`,
      `(if|while) ?\\(!?${use}\\s*\\)`,
      `!${use}\\b`
    )
  )
  return !isAskedFor && uses.some(use => isIn(`${use}\\s*[(.[]`, `\\.(then|catch|finally)\\((.*, *)?${use}\\s*[,)]`))
}

const escaped = (name: string): string => name.replace(/\$/g, '\\$&')
