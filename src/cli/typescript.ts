/// <reference types="node" />
// How a TypeScript file is run: by Node, by tsx, or with the compiler that the user's project has anyway.

import { pathToFileURL } from 'node:url'
import { resolveFrom } from './packages.js'

/** What the process that loads the file is started with. */
export interface Loader {
  readonly execArgv: readonly string[]
  /** A compiler to translate with while loading, as the URL of its module. */
  readonly compiler?: { readonly name: 'typescript' | 'esbuild'; readonly path: string }
}

/** Nothing here can run the file. The text says what could. */
export class NoTypeScript extends Error {
  override readonly name = 'NoTypeScript'
}

export const isTypeScript = (file: string): boolean => /\.[cm]?tsx?$/.test(file)

/** @throws NoTypeScript when nothing can run it. */
export function loaderFor(file: string): Loader {
  if (!isTypeScript(file)) return { execArgv: [] }
  const can = (flag: string) => process.allowedNodeEnvironmentFlags.has(flag)
  // Transforming is stripping that also knows `enum` and parameter properties.
  if (can('--experimental-transform-types')) return { execArgv: ['--experimental-transform-types', '--no-warnings'] }
  if ('typescript' in process.features && process.features.typescript) return { execArgv: [] }
  if (can('--experimental-strip-types')) return { execArgv: ['--experimental-strip-types', '--no-warnings'] }
  const { NODE_OPTIONS = '' } = process.env
  const given = [...process.execArgv, NODE_OPTIONS].join(' ')
  if (/--(import|loader|experimental-loader|require)\b|-r\b/.test(given)) return { execArgv: [] }

  const tsx = resolveFrom(file, 'tsx')
  if (tsx !== undefined) return { execArgv: ['--import', pathToFileURL(tsx).href] }
  for (const name of ['typescript', 'esbuild'] as const) {
    const path = resolveFrom(file, name)
    if (path !== undefined) return { execArgv: [], compiler: { name, path } }
  }
  throw new NoTypeScript(
    `${file} is TypeScript, which Node ${process.versions.node} does not run by itself. Any one of these helps:\n` +
      '  - Node 22.18 or later, for this one command: npx -p node@22 -p latchkey latchkey check …\n' +
      '  - one of these in your project, found by itself: npm install --save-dev tsx (or typescript, or esbuild)\n' +
      '  - compile it, and check the JavaScript that comes out'
  )
}
