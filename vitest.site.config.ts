import { defineConfig } from 'vitest/config'
import base from './vitest.config.js'

// The site as it is built, and in a browser. It has to be built first: `npm run test:site` does both.
export default defineConfig({
  ...base,
  test: { ...base.test, include: ['test/site/**/*.{browser,built}.test.ts'], exclude: [], maxWorkers: 2 }
})
