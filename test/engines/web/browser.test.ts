// WebLock between real tabs and workers. Debian's Chromium is driven; where there is none, the tests say so and are
// skipped.

import { existsSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { build } from 'esbuild'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { entryPoints, fromRoot } from '../../../scripts/project.js'
import { checksWithout } from '../../fixtures/conformance.js'
import type { Api } from './page.js'

const executablePath = [process.env.CHROMIUM ?? '', '/usr/bin/chromium', '/usr/bin/google-chrome'].find(
  path => path !== '' && existsSync(path)
)
if (executablePath === undefined)
  console.log('The tests of WebLock in a browser are skipped: no Chromium (apt-get install chromium, or set CHROMIUM).')

let server: Server
let address = ''
let browser: Browser
let context: BrowserContext

beforeAll(async () => {
  if (executablePath === undefined) return
  const { outputFiles } = await build({
    entryPoints: [fromRoot('test/engines/web/page.ts')],
    bundle: true,
    format: 'iife',
    target: 'es2022',
    write: false,
    plugins: [
      {
        name: 'sources',
        setup({ onResolve }) {
          for (const { name, source } of entryPoints)
            onResolve({ filter: new RegExp(`^${name}$`) }, () => ({ path: source }))
        }
      }
    ]
  })
  const script = outputFiles[0]?.text ?? ''
  server = createServer(({ url }, response) => {
    const isScript = url === '/page.js'
    response.writeHead(200, { 'content-type': isScript ? 'text/javascript' : 'text/html' })
    response.end(isScript ? script : '<!doctype html><title>tab</title><script src="/page.js"></script>')
  })
  await new Promise<void>(resolve => server.listen(0, resolve))
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--host-resolver-rules=MAP insecure.test 127.0.0.1']
  })
}, 60_000)
afterAll(async () => {
  await browser?.close()
  server?.closeAllConnections()
  await new Promise(resolve => (server === undefined ? resolve(undefined) : server.close(resolve)))
})
beforeEach(async () => {
  if (executablePath !== undefined) context = await browser.newContext()
})
afterEach(async () => {
  await context?.close()
})

async function tab(from = address): Promise<Page> {
  const page = await context.newPage()
  await page.goto(from)
  return page
}
const tabs = (count: number) => Promise.all(Array.from({ length: count }, () => tab()))

/** Calls a function of page.ts in a tab. */
const call = <Name extends keyof Api>(page: Page, name: Name, ...rest: Parameters<Api[Name]>) =>
  page.evaluate(
    ([name, rest]) =>
      (globalThis as never as { api: Record<string, (...rest: unknown[]) => unknown> }).api[name]?.(...rest),
    [name, rest] as [string, unknown[]]
  ) as Promise<Awaited<ReturnType<Api[Name]>>>

/** The same in a dedicated worker of a tab. */
async function workerOf(page: Page) {
  await page.evaluate(() => {
    const worker = new Worker('/page.js')
    const answers = new Map<number, (value: unknown) => void>()
    let count = 0
    worker.onmessage = ({ data: [id, value] }) => answers.get(id)?.(value)
    Object.assign(globalThis, {
      worker,
      inWorker: (...message: unknown[]) =>
        new Promise(resolve => {
          answers.set(count, resolve)
          worker.postMessage([count++, ...message])
        })
    })
  })
  return {
    call: <Name extends keyof Api>(name: Name, ...rest: Parameters<Api[Name]>) =>
      page.evaluate(
        message => (globalThis as never as { inWorker(...rest: unknown[]): unknown }).inWorker(...message),
        [name, ...rest] as unknown[]
      ) as Promise<Awaited<ReturnType<Api[Name]>>>,
    terminate: () => page.evaluate(() => (globalThis as never as { worker: Worker }).worker.terminate())
  }
}

/** How many requests wait, in the whole origin. */
const pending = (page: Page) => page.evaluate(async () => (await navigator.locks.query()).pending?.length ?? 0)
async function waitFor(page: Page, count: number): Promise<void> {
  for (let left = 500; (await pending(page)) !== count; left--) {
    if (left === 0) throw new Error(`${await pending(page)} requests wait, not ${count}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

describe.runIf(executablePath !== undefined)('a WebLock in a browser', () => {
  test('keeps the contract in a tab, and in a worker', async () => {
    const page = await tab()
    const names = checksWithout(['capacity']).map(({ name }) => name)
    expect(await call(page, 'contract')).toEqual(names)
    const worker = await workerOf(page)
    expect(await worker.call('contract')).toEqual(names)
  }, 60_000)

  test('three tabs and a worker exclude each other, in order of arrival', async () => {
    const [one, two, three] = (await tabs(3)) as [Page, Page, Page]
    const worker = await workerOf(three)
    expect(await call(one, 'acquire', 'k')).toBe('granted')
    const waiting = [call(two, 'acquire', 'k')]
    await waitFor(one, 1)
    waiting.push(worker.call('acquire', 'k'))
    await waitFor(one, 2)
    waiting.push(call(three, 'acquire', 'k'))
    await waitFor(one, 3)
    expect(await call(one, 'tryAcquire', 'k')).toBe(false)
    await call(one, 'release', 'k')
    await waiting[0]
    expect(await pending(one)).toBe(2)
    await call(two, 'release', 'k')
    await waiting[1]
    await worker.call('release', 'k')
    await waiting[2]
    await call(three, 'release', 'k')
    expect(await call(one, 'acquire', 'k', 0)).toBe('granted')
  })

  test('an abort and a timeout leave nothing', async () => {
    const [one, two] = (await tabs(2)) as [Page, Page]
    await call(one, 'acquire', 'k')
    expect(await call(two, 'acquire', 'k', 0)).toBe('ERR_LOCK_TIMEOUT')
    expect(await call(two, 'acquire', 'k', 30)).toBe('ERR_LOCK_TIMEOUT')
    expect(await call(two, 'abortAfter', 'k', 30)).toBe('TimeoutError')
    await waitFor(one, 0)
    await call(one, 'release', 'k')
    expect(await call(two, 'acquire', 'k')).toBe('granted')
  })

  test('a lock that other code steals is lost', async () => {
    const [one, two] = (await tabs(2)) as [Page, Page]
    await call(one, 'acquire', 'k')
    await two.evaluate(() => navigator.locks.request('latchkey:k', { steal: true }, () => {}))
    await one.waitForFunction(() => (globalThis as never as { api: Api }).api.held('k') === false)
    expect(await call(one, 'reason', 'k')).toMatch(/lease was lost: other code has taken it by force/)
    await call(one, 'release', 'k')
    expect(await call(two, 'acquire', 'k')).toBe('granted')
  })

  const endings: [string, (page: Page) => Promise<unknown>][] = [
    ['closed', page => page.close()],
    ['navigated away', page => page.goto('about:blank')],
    ['reloaded', page => page.reload()],
    ['crashed', page => page.goto('chrome://crash').catch(() => {})]
  ]
  test.each(endings)('a tab that is %s frees its key', async (_, end) => {
    const [one, two] = (await tabs(2)) as [Page, Page]
    await call(one, 'acquire', 'k')
    const waiting = call(two, 'acquire', 'k')
    await waitFor(two, 1)
    await end(one)
    expect(await waiting).toBe('granted')
  })

  test('a worker that is terminated frees its key', async () => {
    const page = await tab()
    const worker = await workerOf(page)
    await worker.call('acquire', 'k')
    const waiting = call(page, 'acquire', 'k')
    await waitFor(page, 1)
    await worker.terminate()
    expect(await waiting).toBe('granted')
  })

  test('a page that is not secure is refused with advice', async () => {
    const page = await tab(address.replace('127.0.0.1', 'insecure.test'))
    expect(await page.evaluate(() => isSecureContext)).toBe(false)
    expect(await call(page, 'refusal')).toMatch(/^ERR_ENGINE_UNSUPPORTED .*secure context/)
  })

  test('a frame without an origin is told so', async () => {
    const page = await tab()
    await page.setContent(`<iframe sandbox="allow-scripts" src="${address}"></iframe>`)
    const frame = page.frames()[1]
    await frame?.waitForFunction(() => 'api' in globalThis)
    const outcome = await frame?.evaluate(() => {
      const { api } = globalThis as never as { api: Api }
      const refusal = api.refusal()
      return refusal === 'none' ? api.acquire('k') : refusal
    })
    expect(outcome).toMatch(/ERR_ENGINE_(FAILED|UNSUPPORTED)/)
  })

  test('what browser-tabs-lock does, it does: the example to migrate from', async () => {
    const stdin = {
      contents: "import tabs from 'browser-tabs-lock'\nglobalThis.TabsLock = tabs.default ?? tabs",
      resolveDir: fromRoot('.')
    }
    const { outputFiles } = await build({ stdin, bundle: true, format: 'iife', write: false, logLevel: 'error' })
    const pages = (await tabs(2)) as [Page, Page]
    for (const page of pages) await page.addScriptTag({ content: outputFiles[0]?.text ?? '' })
    const acquire = (page: Page, ms: number) =>
      page.evaluate(ms => {
        const Lock = (globalThis as never as { TabsLock: new () => { acquireLock(key: string, ms: number): unknown } })
          .TabsLock
        return new Lock().acquireLock('token', ms)
      }, ms)
    expect(await acquire(pages[0], 5000)).toBe(true)
    expect(await acquire(pages[1], 300)).toBe(false)
  })

  test('IndexedDB is safe under it; localStorage is not, and the docs say so', async () => {
    const pages = await tabs(3)
    const [page] = pages as [Page]
    await Promise.all(pages.map(page => call(page, 'count', 'indexedDB', 50)))
    expect(await call(page, 'counted')).toBe(150)
    await Promise.all(pages.map(page => call(page, 'count', 'localStorage', 50)))
    const seen = await page.evaluate(() => Number(localStorage.getItem('count')))
    console.log(`localStorage under the lock: ${seen} of 150`)
    // Each tab has its own copy, which is brought up to date now and then. It may be right; it cannot be relied on.
    expect(seen).toBeGreaterThan(0)
    expect(seen).toBeLessThanOrEqual(150)
  }, 60_000)
})
