import { defineConfig } from 'vitest/config'
import { entryPoints } from './scripts/project.js'

export default defineConfig({
  resolve: {
    // Under its public names a test sees the source, not the build.
    alias: entryPoints.map(({ name, source }) => ({ find: new RegExp(`^${name}$`), replacement: source }))
  },
  // Node 20 has no `using`: lower it, as the build does.
  oxc: { target: 'es2022' },
  test: {
    include: ['test/**/*.test.ts'],
    // They need the site, built, and a browser: npm run test:site.
    exclude: ['test/site/**/*.{browser,built}.test.ts'],
    pool: 'forks',
    // Tests of memory and of what an idle primitive keeps call `gc()`.
    execArgv: ['--expose-gc'],
    retry: 0,
    testTimeout: 60_000,
    hookTimeout: 60_000
  }
})
