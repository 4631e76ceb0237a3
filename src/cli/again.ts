/// <reference types="node" />
// Evaluates a module again and again, at once: a module that holds the only lock there is gives a fresh one that way.
// Node's own loader does so too (`?evaluation=1`), but never at once, and keeps each evaluation forever.
//
// The module becomes a function. What is too much for that (an `await` at its top, `import.meta`) does not compile or
// gives other names than the module itself, and the caller has to do with the loader.

import { readFileSync } from 'node:fs'
import * as nodeModule from 'node:module'
import { dirname } from 'node:path'
import { pathToFileURL } from 'node:url'
import { compileFunction } from 'node:vm'
import type { Loaded } from '../testing/exports.js'
import { watchMaps } from '../testing/probe.js'
import { translatorOf } from './hooks.js'
import { isTypeScript, type Loader } from './typescript.js'

type Evaluate = (
  exports: object,
  require: NodeJS.Require,
  module: object,
  file: string,
  folder: string,
  imported: unknown[]
) => void

/** @param names what the module exports. */
export async function evaluatorFor(
  file: string,
  names: readonly string[],
  compiler: Loader['compiler']
): Promise<(() => Loaded) | undefined> {
  try {
    const code = codeOf(file, compiler)
    if (code === undefined) return undefined
    const { body, specifiers } = isModule(code) ? asFunction(code) : { body: code, specifiers: [] }
    const require = nodeModule.createRequire(file)
    const imported = await Promise.all(specifiers.map(specifier => import(locate(specifier, require))))
    const parameters = ['exports', 'require', 'module', '__filename', '__dirname', 'imported$']
    const run = compileFunction(body, parameters, { filename: file }) as Evaluate

    const evaluate = (): Loaded => {
      const module = { exports: {} as Record<string, unknown> }
      const { maps } = watchMaps(() => run(module.exports, require, module, file, dirname(file), imported))
      const { exports } = module
      return { names: isModule(code) || '__esModule' in exports ? exports : { ...exports, default: exports }, maps }
    }
    const { names: found } = evaluate()
    return names.every(name => name in found || name === 'default' || name === 'module.exports') ? evaluate : undefined
  } catch {
    return undefined
  }
}

/** The JavaScript of a file. */
function codeOf(file: string, compiler: Loader['compiler']): string | undefined {
  const code = readFileSync(file, 'utf8')
  if (!isTypeScript(file)) return code
  if (compiler) return translatorOf(compiler)(code, file, 'commonjs')
  const { stripTypeScriptTypes } = nodeModule as { stripTypeScriptTypes?: (code: string, options: object) => string }
  return stripTypeScriptTypes?.(code, { mode: 'transform' })
}

const isModule = (code: string): boolean => /^\s*(import|export)\b/m.test(code)

const locate = (specifier: string, require: NodeJS.Require): string =>
  specifier.startsWith('node:') ? specifier : pathToFileURL(require.resolve(specifier)).href

/** The body of a function that does what the module does, with its imports given and its exports on an object. */
function asFunction(code: string): { body: string; specifiers: readonly string[] } {
  const specifiers: string[] = []
  const exported: string[] = []
  const give = (name: string, as: string) => exported.push(`exports[${JSON.stringify(as)}] = ${name};`)
  const pairs = (list: string) =>
    list
      .split(',')
      .map(part => part.trim().split(/\s+as\s+/))
      .filter(([name]) => name)
      .map(([name = '', as = name]) => ({ name, as }))

  const body = code
    .replace(
      /^\s*import\s+(?:([\w$]+)\s*,?\s*)?(?:\{([^}]*)\}|\*\s*as\s+([\w$]+))?\s*from\s*['"]([^'"]+)['"];?/gm,
      (_, only, list, all, from) => {
        const at = `imported$[${specifiers.push(from) - 1}]`
        const fields = pairs(list ?? '').map(({ name, as }) => `${name}: ${as}`)
        if (only) fields.push(`default: ${only}`)
        return all ? `const ${all} = ${at};` : `const { ${fields.join(', ')} } = ${at};`
      }
    )
    .replace(/^\s*export\s*\{([^}]*)\};?/gm, (_, list) => {
      for (const { name, as } of pairs(list)) give(name, as)
      return ''
    })
    .replace(
      /^\s*export\s+default\s+((?:async\s+)?function\s*\*?|class)\s+(?!extends\b)([\w$]+)/gm,
      (_, kind, name) => {
        give(name, 'default')
        return `${kind} ${name}`
      }
    )
    .replace(/^\s*export\s+default\s+/gm, 'exports.default = ')
    .replace(/^\s*export\s+((?:async\s+)?function\s*\*?|class|const|let|var)\s+([\w$]+)/gm, (_, kind, name) => {
      give(name, name)
      return `${kind} ${name}`
    })
  return { body: `'use strict';${body}\n;${exported.join('')}`, specifiers }
}
