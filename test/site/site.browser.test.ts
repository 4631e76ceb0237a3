// The site in a browser: it is quiet, reads well in both themes and on a phone, and asks no other host for anything.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { posix } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writeSchedule } from '../../site/theatre/schedule.js'
import { PRESETS } from '../../site/theatre/stories.js'
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
  ['theatre-empty', '/theatre.html'],
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
    test('has no barrier in either theme', async () => {
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

  test('the search finds a class, without a request to anybody else', async () => {
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
