// SharedMutex in Chromium: a page and its workers. Where there is none, the tests say so and are skipped.

import { existsSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Api } from './page.js'
import { bundled, cleanUp } from './workers.js'

const executablePath = [process.env.CHROMIUM ?? '', '/usr/bin/chromium', '/usr/bin/google-chrome'].find(
  path => path !== '' && existsSync(path)
)
if (executablePath === undefined)
  console.log(
    'The tests of SharedMutex in a browser are skipped: no Chromium (apt-get install chromium, or set CHROMIUM).'
  )

let server: Server
let browser: Browser
let address = ''

beforeAll(async () => {
  if (executablePath === undefined) return
  // A script, not a module: it has no export in the browser.
  const script = readFileSync(await bundled('page'), 'utf8').replace(/^export \{[^}]*\};?\s*$/m, '')
  server = createServer(({ url }, response) => {
    const isolated = !url?.startsWith('/plain')
    response.writeHead(200, {
      'content-type': url === '/page.js' ? 'text/javascript' : 'text/html',
      ...(isolated && {
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-embedder-policy': 'require-corp'
      })
    })
    response.end(url === '/page.js' ? script : '<!doctype html><title>page</title><script src="/page.js"></script>')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
}, 60_000)
afterAll(async () => {
  await browser?.close()
  server?.closeAllConnections()
  await new Promise(resolve => (server === undefined ? resolve(undefined) : server.close(resolve)))
  cleanUp()
})

async function open(path = '/'): Promise<Page> {
  const page = await browser.newPage()
  await page.goto(address + path)
  return page
}
const call = <Name extends keyof Api>(page: Page, name: Name, ...rest: Parameters<Api[Name]>) =>
  page.evaluate(
    ([name, rest]) =>
      (globalThis as never as { api: Record<string, (...rest: unknown[]) => unknown> }).api[name]?.(...rest),
    [name, rest] as [string, unknown[]]
  ) as Promise<Awaited<ReturnType<Api[Name]>>>

async function until(page: Page, state: RegExp): Promise<void> {
  for (let left = 500; !state.test(await call(page, 'state')); left--) {
    if (left === 0) throw new Error(`not ${state} within ten seconds, but ${await call(page, 'state')}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

describe.runIf(executablePath !== undefined)('in a browser', () => {
  test('a page and three workers exclude each other, blocking and not', async () => {
    const page = await open()
    expect(await call(page, 'make')).toBe('SharedMutex "page" { free }')
    for (let i = 0; i < 3; i++) expect(await call(page, 'start')).toBe(i + 2)
    await Promise.all([
      call(page, 'own', 'count'),
      call(page, 'tell', 0, 'count'),
      call(page, 'tell', 1, 'countSync'),
      call(page, 'tell', 2, 'count')
    ])
    expect(await call(page, 'count')).toBe(1200)
    await page.close()
  }, 60_000)

  test('the thread of a page must not block', async () => {
    const page = await open()
    await call(page, 'make')
    expect(await call(page, 'own', 'acquireSync')).toBe('ERR_THREADS_UNSUPPORTED')
    expect(await call(page, 'state')).toBe('SharedMutex "page" { free }')
    await page.close()
  })

  test('a worker that is terminated while it holds, or waits blocked, is repaired, and its number used again', async () => {
    const page = await open()
    await call(page, 'make')
    for (let i = 0; i < 3; i++) await call(page, 'start')
    await call(page, 'tell', 0, 'acquire')
    await call(page, 'send', 1, 'acquireSync')
    await until(page, /held by thread 2, then 3 /)
    const last = call(page, 'tell', 2, 'acquire')
    await until(page, /held by thread 2, then 3, 4 /)
    await call(page, 'terminate', 1)
    await until(page, /held by thread 2, then 4 /)
    await call(page, 'terminate', 0)
    expect(await last).toBe(true)
    expect(await call(page, 'start')).toBe(2)
    await page.close()
  }, 60_000)

  test('without cross-origin isolation the constructor says what is missing', async () => {
    const page = await open('/plain')
    expect(await call(page, 'make')).toMatch(/cross-origin isolated.*Cross-Origin-Opener-Policy/)
    await page.close()
  })
})
