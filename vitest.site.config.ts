import { defineConfig } from 'vitest/config'
import base from './vitest.config.js'

// The site in a browser. It has to be built first: `npm run test:site` does both.
export default defineConfig({
  ...base,
  test: { ...base.test, include: ['test/site/**/*.browser.test.ts'], exclude: [], maxWorkers: 2 }
})
