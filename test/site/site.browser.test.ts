// The site in a browser: it is quiet, reads well in both themes and on a phone, and asks no other host for anything.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { posix } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writeSchedule } from '../../site/theatre/schedule.js'
import { PAIRS, PRESETS } from '../../site/theatre/stories.js'
import { built, executablePath, openSite, PHONE, type Site, type Visit } from './browser.js'

const HANG = writeSchedule(PRESETS[0]!.schedule)
const READS = new Set('ACDEG')
const CROWD = writeSchedule(
  {
    lock: 'rw',
    size: 2,
    clients: 8,
    steps: [
      ...[...'ABCDEFGH'].map(client => ({ client, verb: READS.has(client) ? ('read' as const) : ('write' as const) })),
      ...[...'ABCDEFGH'].flatMap(client => (['work', 'release'] as const).map(verb => ({ client, verb })))
    ]
  },
  16
)

const PAGES = [
  ['home', '/'],
  ['guide', '/three-ways-to-hold.html'],
  ['guarantees', '/guarantees.html'],
  ['api', '/api/latchkey/classes/Mutex.html'],
  ['errors', '/errors.html'],
  ['which-lock', '/which-lock.html'],
  ['overhead', '/overhead.html'],
  ['theatre-empty', '/theatre.html'],
  ['theatre-pair', `/theatre.html#${writeSchedule(PAIRS[0]!.schedule)}`],
  ['theatre-stuck', `/theatre.html#${HANG}`],
  ['theatre-crowded', `/theatre.html#${CROWD}`]
] as const

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What axe has to say of a page. The search button is the theme's: its name leaves out the hint at the shortcut. */
async function barriers({ page }: Visit, runOnly?: string[]): Promise<string[]> {
  await page.evaluate(axe)
  const { violations } = await page.evaluate(
    options => (globalThis as unknown as { axe: Axe }).axe.run(options),
    runOnly ? { runOnly } : {}
  )
  return violations
    .flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id}: ${target} ${failureSummary}`))
    .filter(barrier => !barrier.startsWith('label-content-name-mismatch: .DocSearch'))
}

interface Axe {
  run(options: object): Promise<{ violations: { id: string; nodes: { target: string[]; failureSummary: string }[] }[] }>
}

describe.skipIf(executablePath === undefined)('in a browser', () => {
  let site: Site
  beforeAll(async () => {
    site = await openSite()
  })
  afterAll(() => site?.close())

  describe.each(PAGES)('%s', (name, path) => {
    test('has no barrier in either theme', { timeout: 60_000 }, async () => {
      const visit = await site.open(path, { colorScheme: 'light' })
      for (const colorScheme of ['light', 'dark'] as const) {
        await visit.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
        // What else there is to say does not depend on colours.
        expect(await barriers(visit, colorScheme === 'dark' ? ['color-contrast'] : undefined)).toEqual([])
        await visit.picture(`${name}-${colorScheme}`)
      }
      expect(visit.complaints).toEqual([])
      await visit.close()
    })

    test('fits on a phone', async () => {
      const visit = await site.open(path, PHONE)
      await visit.picture(`${name}-phone`)
      const { scroll, width } = await visit.page.evaluate(() => ({
        scroll: document.documentElement.scrollWidth,
        width: document.documentElement.clientWidth
      }))
      expect(scroll).toBe(width)
      expect(visit.complaints).toEqual([])
      await visit.close()
    })
  })

  // What a newcomer types first, and the page that answers it.
  test.each([
    ['timeout', /Cancellation and timeouts|timeout/i],
    ['semaphore', /Semaphore/],
    ['redis', /Redis/],
    ['ERR_QUEUE_FULL', /Errors|QueueFull/],
    ['deadlock', /Deadlock/]
  ])('the search answers its first query: %s', async (query, answer) => {
    const visit = await site.open('/')
    await visit.page.keyboard.press('Control+k')
    await visit.page.getByPlaceholder('Search').fill(query)
    const hit = visit.page.locator('.VPLocalSearchBox .result').first()
    await hit.waitFor()
    expect(await hit.textContent()).toMatch(answer)
    expect(await hit.getAttribute('href'), 'a guide comes before a signature').not.toContain('/api/')
    await visit.close()
  })

  test('the index of the search is light', async () => {
    const visit = await site.open('/')
    await visit.page.keyboard.press('Control+k')
    await visit.page.getByPlaceholder('Search').waitFor()
    await visit.page.waitForFunction(() =>
      performance.getEntriesByType('resource').some(({ name }) => name.includes('localSearchIndex'))
    )
    const index = [...visit.fetched].find(file => file.includes('localSearchIndex')) ?? ''
    const bytes = readFileSync(`${built}${index}`).length
    console.log(`the search index: ${(bytes / 1000).toFixed(0)} kB of 600`)
    expect(bytes).toBeLessThan(600_000)
    await visit.close()
  })

  test('tables can be read on a phone', async () => {
    for (const path of ['/errors.html', '/which-lock.html', '/guarantees.html', '/cancellation-and-timeouts.html']) {
      const visit = await site.open(path, PHONE)
      const { page, scroll } = await visit.page.evaluate(() => ({
        page: document.documentElement.scrollWidth - document.documentElement.clientWidth,
        scroll: [...document.querySelectorAll('.vp-doc table')].map(table => getComputedStyle(table).overflowX)
      }))
      expect(page, path).toBe(0)
      // What is wider than the screen moves by itself, and the page does not.
      expect(new Set(scroll), path).toEqual(new Set(['auto']))
      await visit.close()
    }
  })

  test('the search finds a class, without a request to another host', async () => {
    const visit = await site.open('/')
    await visit.page.keyboard.press('Control+k')
    await visit.page.getByPlaceholder('Search').fill('KeyedMutex acquireMany')
    const hit = visit.page.locator('.VPLocalSearchBox .result').first()
    await hit.waitFor()
    expect(await hit.textContent()).toMatch(/keys|KeyedMutex/i)
    await visit.picture('search')
    expect(visit.complaints).toEqual([])
    await visit.close()
  })

  test('the theme can be chosen', async () => {
    const visit = await site.open('/', { colorScheme: 'light' })
    const isDark = () => visit.page.evaluate(() => document.documentElement.classList.contains('dark'))
    expect(await isDark()).toBe(false)
    await visit.page.locator('.VPSwitchAppearance').first().click()
    expect(await isDark()).toBe(true)
    await visit.close()
  })

  // In kB of script, gzipped, for the first view of a page: what the page loads before anybody touches it.
  test.each([
    ['the front page', '/', 100],
    ['a guide', '/keyed-locks.html', 100],
    ['the theatre', '/theatre.html', 150]
  ])('%s is light', async (name, path, budget) => {
    const visit = await site.open(path)
    const scripts = [...visit.fetched].filter(file => file.endsWith('.js'))
    expect(scripts.length).toBeGreaterThan(1)
    const bytes = scripts.reduce((sum, file) => sum + gzipSync(readFileSync(`${built}${file}`), { level: 9 }).length, 0)
    console.log(`${name}: ${(bytes / 1000).toFixed(1)} kB of script, of ${budget}`)
    expect(bytes).toBeLessThanOrEqual(budget * 1000)
    await visit.close()
  })
})

describe('what a visitor expects of a site', () => {
  const html = (path: string) => readFileSync(`${built}/${path}`, 'utf8')

  test.each(['index.html', 'keyed-locks.html', 'theatre.html', 'api/latchkey/classes/Mutex.html'])(
    '%s has a picture and an address to be shared with',
    path => {
      expect(html(path)).toContain('<meta property="og:image" content="https://')
      expect(html(path)).toContain('<meta property="og:title"')
      expect(html(path)).toMatch(/<link rel="canonical" href="https:[^"]*"/)
    }
  )

  test('the picture is there', () => {
    expect(readFileSync(`${built}/social.png`).subarray(1, 4).toString()).toBe('PNG')
  })

  test('a guide can be edited, and says when it was changed; a generated page does neither', () => {
    expect(html('keyed-locks.html')).toContain('/edit/main/docs/keyed-locks.md')
    expect(html('keyed-locks.html')).toContain('Last updated')
    expect(html('keyed-locks.html')).toContain('edit-link-button')
    expect(html('api/latchkey/classes/Mutex.html')).not.toContain('edit-link-button')
  })

  test('each page has a footer', () => {
    for (const path of ['index.html', 'keyed-locks.html']) expect(html(path)).toContain('MIT License')
  })

  test('a wrong address leads on', () => {
    expect(existsSync(`${built}/404.html`)).toBe(true)
  })

  test('the sitemap has the guides', () => {
    const { homepage } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
    expect(html('sitemap.xml')).toContain(`<loc>${homepage}keyed-locks.html</loc>`)
  })

  test('the reference is grouped by what a user looks for, without the members of the package itself', () => {
    const page = html('api/latchkey/index.html')
    for (const group of ['Locks', 'Options', 'Errors']) expect(page).toContain(`id="${group.toLowerCase()}"`)
    expect(html('api/latchkey/classes/Mutex.html')).not.toMatch(/\[\$|__v_skip/)
  })
})

test('every link inside the site leads to a page, and to a heading on it', () => {
  const pages = new Map(
    readdirSync(built, { recursive: true, encoding: 'utf8' })
      .map(path => path.replaceAll('\\', '/'))
      .filter(path => path.endsWith('.html'))
      .map(path => [`/${path}`, readFileSync(`${built}/${path}`, 'utf8')])
  )
  expect(pages.size).toBeGreaterThan(30)
  const dead: string[] = []
  for (const [path, html] of pages) {
    for (const [, link = ''] of html.matchAll(/\s(?:href|src)="([^"]+)"/g)) {
      if (/^(https?:|data:|mailto:)/.test(link)) continue
      const [target = '', anchor] = decodeURIComponent(link.replaceAll('&amp;', '&')).split('#')
      const there =
        target === ''
          ? path
          : posix.join(posix.dirname(path), target.startsWith('/') ? `/${posix.relative('/', target)}` : target)
      const file = target.startsWith('/') ? target : there
      const found = [file, `${file}index.html`, `${file}.html`].find(name => pages.has(name))
      if (found === undefined && !(/\.\w+$/.test(file) && existsSync(`${built}${file}`))) dead.push(`${path}: ${link}`)
      else if (anchor && found && !pages.get(found)?.includes(`id="${anchor}"`))
        dead.push(`${path}: ${link} has no heading`)
    }
  }
  expect([...new Set(dead)]).toEqual([])
})
