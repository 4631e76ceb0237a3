// The built site in a real browser. Debian's Chromium is driven; where there is none, the tests say so and are skipped.

import { existsSync, mkdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { fromRoot } from '../../scripts/project.js'

export const built = fromRoot('site/.vitepress/dist')
const pictures = fromRoot('reports/site')

export const executablePath = [process.env.CHROMIUM ?? '', '/usr/bin/chromium', '/usr/bin/google-chrome'].find(
  path => path !== '' && existsSync(path)
)
if (executablePath === undefined) {
  console.log(
    'The tests of the site in a browser are skipped: no Chromium (apt-get install chromium, or set CHROMIUM).'
  )
}

export const PHONE: BrowserContextOptions = {
  viewport: { width: 390, height: 844 },
  isMobile: true,
  hasTouch: true
}

const TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.json': 'application/json'
}

export interface Site {
  readonly address: string
  /** Opens a page of the site, with an eye on all that it asks for and complains about. */
  open(path: string, options?: BrowserContextOptions): Promise<Visit>
  close(): Promise<void>
}

export interface Visit {
  readonly page: Page
  /** What went wrong: errors of the console and of scripts, and requests that left the machine or failed. */
  readonly complaints: string[]
  /** The paths of what was fetched. */
  readonly fetched: Set<string>
  picture(name: string): Promise<void>
  close(): Promise<void>
}

export async function openSite(): Promise<Site> {
  if (!existsSync(join(built, 'index.html'))) throw new Error('the site is not built: npm run docs:build')
  mkdirSync(pictures, { recursive: true })
  const server = createServer(async (request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname))
    const file = join(built, path.endsWith('/') ? `${path}index.html` : extname(path) === '' ? `${path}.html` : path)
    const content = await readFile(file).catch(() => undefined)
    response.writeHead(content === undefined ? 404 : 200, { 'content-type': TYPES[extname(file)] ?? 'text/plain' })
    response.end(content)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const browser: Browser = await chromium.launch({ executablePath: executablePath ?? '' })

  return {
    address,
    async open(path, options = {}) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })
      const page = await context.newPage()
      const complaints: string[] = []
      const fetched = new Set<string>()
      page.on('console', message => {
        if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
      })
      page.on('pageerror', error => complaints.push(String(error)))
      page.on('requestfailed', request => complaints.push(`failed: ${request.url()}`))
      page.on('request', request => {
        const { origin, pathname, protocol } = new URL(request.url())
        if (origin === address) fetched.add(pathname)
        else if (protocol !== 'data:') complaints.push(`left the machine: ${request.url()}`)
      })
      await page.goto(`${address}${path}`)
      await page.waitForFunction(
        () => document.querySelector('#app .VPContent') && '__vue_app__' in (document.querySelector('#app') ?? {})
      )
      if (path.startsWith('/theatre')) await page.locator('.theatre[data-ready=true]').waitFor()
      return {
        page,
        complaints,
        fetched,
        picture: async name => void (await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true })),
        close: () => context.close()
      }
    },
    async close() {
      await browser.close()
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    }
  }
}
