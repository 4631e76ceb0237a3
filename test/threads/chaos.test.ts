// Two seconds of chaos on this Node; `npm run chaos:threads` does more, on every runtime.

import { pathToFileURL } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { chaos } from './chaos.js'
import { bundled, cleanUp } from './workers.js'

afterAll(cleanUp)

test('threads that end at random let no two others in, and stop none', async () => {
  const program = await bundled('chaos')
  const { sections, ...result } = await chaos(pathToFileURL(program), 2000, 7)
  expect(result).toMatchObject({ overlaps: 0, lost: 0, stuck: false, errors: [] })
  expect(sections).toBeGreaterThan(0)
}, 60_000)
