import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))

interface Manifest {
  name: string
  exports: Record<string, string | { import: { default: string } }>
}
const manifest: Manifest = JSON.parse(readFileSync(path('package.json'), 'utf8'))

/** Every public entry point under its public name, taken from the source instead of the build. */
const publicNames = Object.entries(manifest.exports).flatMap(([entry, target]) => {
  if (typeof target === 'string') return []
  const name = entry.replace(/^\./, manifest.name)
  const source = target.import.default.replace('./dist/esm/', 'src/').replace(/\.js$/, '.ts')
  return [{ find: new RegExp(`^${name}$`), replacement: path(source) }]
})

export default defineConfig({
  resolve: { alias: publicNames },
  // Node 20 has no `using`: lower it, as the build does.
  oxc: { target: 'es2022' },
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    // Tests of memory and of what an idle primitive keeps call `gc()`.
    execArgv: ['--expose-gc'],
    retry: 0,
    testTimeout: 20_000,
    hookTimeout: 20_000
  }
})
