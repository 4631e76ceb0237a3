// The lock theatre in a browser: its stories, by mouse, by keyboard, on a phone, and from an address that was shared.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { writeSchedule } from '../../site/theatre/schedule.js'
import { PAIRS, STORIES } from '../../site/theatre/stories.js'
import { HEADINGS } from '../../site/theatre/theatre.js'
import { executablePath, openSite, PHONE, type Site, type Visit } from './browser.js'

describe.skipIf(executablePath === undefined)('the lock theatre', () => {
  let site: Site
  const visits: Visit[] = []
  beforeAll(async () => {
    site = await openSite()
  })
  afterAll(() => site?.close())
  afterEach(async () => {
    for (const { complaints, close } of visits.splice(0)) {
      expect(complaints).toEqual([])
      await close()
    }
  })

  async function enter(hash = '', options?: Parameters<Site['open']>[1]): Promise<Visit> {
    const visit = await site.open(`/theatre.html${hash}`, options)
    visits.push(visit)
    return visit
  }

  const button = ({ page }: Visit, name: string) => page.locator('.stage').getByRole('button', { name, exact: true })
  const state = ({ page }: Visit) =>
    page.locator('.theatre').evaluate(theatre => ({
      at: theatre.getAttribute('data-at'),
      verdict: theatre.getAttribute('data-verdict'),
      lanes: theatre.querySelector('.lanes svg')?.getAttribute('aria-label'),
      queue: theatre.querySelector('.queue')?.textContent,
      log: theatre.querySelector('.log')?.textContent,
      lock: theatre.querySelector<HTMLSelectElement>('select[name=lock]')?.value
    }))

  test('every story plays to its stated end', { timeout: 60_000 }, async () => {
    const visit = await enter()
    const { page } = visit
    await page.clock.install()
    for (const { title, pair, presets } of STORIES) {
      await page.locator(`[data-story="${title}"]`).click()
      for (const preset of [...(pair ? [pair] : []), ...presets]) {
        const { id, schedule, end, watch, lesson } = preset
        await page.locator(`[data-preset="${id}"]`).click()
        await page.locator('.theatre[data-at="0"]').waitFor()
        // What comes of it is not told before it has happened.
        expect(await page.locator('.note').textContent()).toBe(watch)
        expect(await page.locator('.verdict strong').allTextContents()).not.toContain(HEADINGS.stuck)
        expect(await page.locator('.title .mark').allTextContents()).toEqual(pair === preset ? ['', ''] : [])
        for (const i of schedule.steps.keys()) {
          await page.clock.runFor(1200)
          await page.locator(`.theatre[data-at="${i + 1}"]`).waitFor()
        }
        const verdicts = pair === preset ? [HEADINGS[end], HEADINGS.fine] : [HEADINGS[end]]
        expect(await page.locator('.verdict strong').allTextContents()).toEqual(verdicts)
        expect(await page.locator('.note').textContent()).toBe(lesson)
        if (pair === preset) expect(await page.locator('.title .mark').allTextContents()).toEqual(['✗', '✓'])
        expect(await button(visit, 'Play').count(), 'the play is over').toBe(1)
        expect(await page.locator(`[data-preset="${id}"]`).getAttribute('aria-pressed')).toBe('true')
        await visit.picture(`story-${id}`)
      }
    }
  })

  test('the buggy mutex hangs, and the page says so', async () => {
    const visit = await enter('#lock=buggy&clients=2')
    await button(visit, 'Acquire').click()
    await visit.page.getByRole('radio', { name: /^B/ }).check({ force: true })
    await button(visit, 'Acquire').click()
    await visit.page.getByRole('radio', { name: /^A/ }).check({ force: true })
    expect((await state(visit)).verdict).toBe('fine')
    await button(visit, 'Release').click()
    await visit.page.locator('.theatre[data-verdict="stuck"]').waitFor()
    expect(await visit.page.locator('.verdict').textContent()).toContain('B waits forever: no client holds the lock')
    expect((await state(visit)).queue).toContain('taken, no holder')
    // It is no matter of patience: a later client joins the queue.
    await button(visit, 'Acquire').click()
    await visit.page.locator('.theatre[data-at="4"]').waitFor()
    expect(await visit.page.locator('.verdict').textContent()).toContain('B and A wait forever')
  })

  test('an address that was shared restores the state', async () => {
    const visit = await enter('#lock=keyed&clients=3')
    await button(visit, 'Acquire a + b').click()
    await visit.page.getByRole('radio', { name: /^C/ }).check({ force: true })
    await button(visit, 'Acquire b').click()
    await button(visit, 'Cancel').click()
    await visit.page.locator('.theatre[data-at="3"]').waitFor()
    await button(visit, 'Back').click()
    await visit.page.locator('.theatre[data-at="2"]').waitFor()
    const address = new URL(visit.page.url()).hash
    expect(address).toBe('#lock=keyed&clients=3&steps=A.acquire:a+b,C.acquire:b,C.abort&at=2')
    const other = await enter(address)
    expect(await state(other)).toEqual(await state(visit))
    // Pasted over the address of a page that is open, too.
    await other.page.goto(`${site.address}/theatre.html#lock=semaphore&size=3&clients=1&steps=A.acquire:2`)
    await other.page.locator('.theatre[data-at="1"]').waitFor()
    expect(await state(other)).toMatchObject({ lock: 'semaphore', lanes: 'A: holds 2 permits' })
  })

  test('everything can be done with the keyboard', async () => {
    const visit = await enter('#lock=mutex&clients=2')
    const { keyboard } = visit.page
    const tabTo = async (name: string, key = 'Tab') => {
      for (let i = 0; i < 80; i++) {
        await keyboard.press(key)
        const found = await visit.page.evaluate(() => {
          const here = document.activeElement as HTMLElement | null
          const outline = here ? getComputedStyle(here.closest('.name') ?? here).outlineStyle : 'none'
          const label = here?.getAttribute('aria-label') ?? here?.closest('label')?.innerText ?? here?.textContent
          return { label: label?.replaceAll(/\s+/g, ' ').trim() ?? '', outline }
        })
        if (!found.label.startsWith(name)) continue
        expect(found.outline, `${name} shows that it has the focus`).not.toBe('none')
        return
      }
      throw new Error(`Tab never leads to ${name}`)
    }
    const at = (n: number) => visit.page.locator(`.theatre[data-at="${n}"]`).waitFor()

    await tabTo('A idle')
    await tabTo('Acquire')
    await keyboard.press('Enter')
    await at(1)
    await tabTo('A holds', 'Shift+Tab')
    await keyboard.press('ArrowDown')
    await tabTo('Acquire')
    await keyboard.press('Space')
    await at(2)
    // The button that was pressed keeps the focus, and says that it can do nothing now.
    await keyboard.press('Space')
    expect(await visit.page.evaluate(() => document.activeElement?.getAttribute('aria-disabled'))).toBe('true')
    await tabTo('Cancel')
    await keyboard.press('Enter')
    await at(3)
    expect((await state(visit)).lanes).toBe('A: holds. B: has left')
    await tabTo('Moment', 'Shift+Tab')
    await keyboard.press('Home')
    await at(0)
    await keyboard.press('ArrowRight')
    await at(1)
    await tabTo('Undo')
    await keyboard.press('Enter')
    await at(2)
  })

  test('nothing of the page is missing', async () => {
    const { page } = await enter()
    expect(await page.locator('.legend li').count()).toBe(5)
    expect(await page.locator('[data-story]').count()).toBe(STORIES.length)
    expect(await page.locator('.invite').getByRole('button', { name: 'Play the story' }).count()).toBe(1)
    expect(new URL(page.url()).hash, 'only what the visitor does is written into the address').toBe('')
  })

  test('a reader of the screen is told what happens', async () => {
    const visit = await enter('#lock=mutex&clients=2')
    const log = visit.page.getByRole('log')
    expect(await log.getAttribute('aria-live')).toBe('polite')
    await button(visit, 'Acquire').click()
    await visit.page.locator('.theatre[data-at="1"]').waitFor()
    expect(await log.textContent()).toContain('A asks for the lock. A has it at once.')
    expect(await visit.page.getByRole('radio', { name: 'A holds' }).count()).toBe(1)
    expect(await visit.page.getByRole('img', { name: 'A: holds. B: idle' }).count()).toBe(1)
  })

  test('a schedule can be taken along as a test', async () => {
    const visit = await enter('#lock=buggy&clients=2&steps=A.acquire,B.acquire,A.release', {
      permissions: ['clipboard-read', 'clipboard-write']
    })
    await visit.page.getByRole('button', { name: 'Copy Buggy mutex as a test for vitest' }).click()
    await visit.page.getByText('The test is on the clipboard.').waitFor()
    expect(await visit.page.evaluate(() => navigator.clipboard.readText())).toContain("from 'vitest'")
    await visit.page.getByRole('button', { name: 'Copy Buggy mutex as a test for node:test' }).click()
    await visit.page.waitForFunction(async () => (await navigator.clipboard.readText()).includes("from 'node:test'"))
    const copied = await visit.page.evaluate(() => navigator.clipboard.readText())
    expect(copied).toContain('class BuggyMutex')
    expect(copied).toContain(visit.page.url())
    expect(await visit.page.getByRole('textbox').inputValue()).toBe(copied)
    await visit.page.getByRole('button', { name: 'Copy the link' }).click()
    await visit.page.getByText('The link is on the clipboard.').waitFor()
    expect(await visit.page.evaluate(() => navigator.clipboard.readText())).toBe(visit.page.url())
  })

  test('another lock takes over the same steps, and undo brings the first one back', async () => {
    const visit = await enter('#lock=buggy&clients=2&steps=A.acquire,B.acquire,A.release')
    await visit.page.locator('.theatre[data-verdict="stuck"]').waitFor()
    await visit.page.locator('select[name=lock]').selectOption('mutex')
    await visit.page.locator('.theatre[data-verdict="fine"]').waitFor()
    await button(visit, 'Undo').click()
    await visit.page.locator('.theatre[data-verdict="stuck"]').waitFor()
  })

  test('it can be used on a phone', async () => {
    const visit = await enter('#lock=mutex&clients=2', PHONE)
    await button(visit, 'Acquire').tap()
    await visit.page.locator('.theatre[data-at="1"]').waitFor()
    await visit.page.locator('.names .letter').nth(1).tap()
    await button(visit, 'Acquire').tap()
    await visit.page.locator('.theatre[data-at="2"]').waitFor()
    for (const box of await visit.page.locator('.stage .button').all()) {
      expect((await box.boundingBox())?.height).toBeGreaterThanOrEqual(34)
    }
  })

  // A viewport each, and how the stage is reached.
  const pair = writeSchedule(PAIRS[0]!.schedule, 0)
  describe.each([
    ['a laptop', { viewport: { width: 1280, height: 800 } }],
    ['a phone', PHONE]
  ])('on %s', (_, options) => {
    /** What lies outside of the window, or below its bar. */
    const outside = ({ page }: Visit) =>
      page.locator('.stage').evaluate(stage =>
        ['.note', '.lanes', '.verdict', '.time .button.strong'].flatMap(part =>
          [...stage.querySelectorAll(part)].flatMap(element => {
            const { top, bottom, left } = element.getBoundingClientRect()
            return top >= 0 && left >= 0 && bottom <= innerHeight
              ? []
              : `${part}: ${Math.round(top)} to ${Math.round(bottom)}`
          })
        )
      )

    test('a story that is played is in view, and has the focus', async () => {
      const visit = await enter('', options)
      const story = visit.page.locator('[data-story]').first()
      await visit.page.evaluate(() => scrollTo(0, document.body.scrollHeight))
      await story.evaluate(element => (element as HTMLElement).click())
      await visit.page.locator('.theatre[data-at="1"]').waitFor()
      await button(visit, 'Pause').click()
      expect(await outside(visit)).toEqual([])
      expect(await visit.page.evaluate(() => document.activeElement?.closest('.stage') !== null)).toBe(true)
      await visit.page.getByRole('slider').fill('9')
      expect(await outside(visit), 'nor does the verdict push anything out').toEqual([])
    })

    test('a link that was shared opens at the stage', async () => {
      const visit = await enter(`#${pair}`, options)
      expect(await outside(visit)).toEqual([])
      expect((await state(visit)).at).toBe('0')
      expect(await visit.page.locator('.side').count()).toBe(2)
      await visit.picture(`shared-${options === PHONE ? 'phone' : 'laptop'}`)
    })

    test('the front page says what it is, and shows code, before any scrolling', async () => {
      const visit = await site.open('/', options)
      visits.push(visit)
      for (const part of ['.sentence', '.front-code code', '.front h1']) {
        const box = await visit.page.locator(part).first().boundingBox()
        expect((box?.y ?? 0) + (box?.height ?? Number.NaN), part).toBeLessThanOrEqual(options.viewport?.height ?? 0)
      }
      await visit.picture(`front-${options === PHONE ? 'phone' : 'laptop'}`)
    })
  })

  test('a link that is copied before the first step keeps its story', async () => {
    const visit = await enter('', { permissions: ['clipboard-read', 'clipboard-write'] })
    await visit.page.getByRole('button', { name: 'Copy the link' }).click()
    await visit.page.getByText('The link is on the clipboard.').waitFor()
    const copied = await visit.page.evaluate(() => navigator.clipboard.readText())
    expect(new URL(copied).hash).toBe(`#${pair}`)
  })

  test('two locks get the same steps, also those that the visitor adds', async () => {
    const visit = await enter('#lock=buggy&beside=mutex&clients=2&steps=A.acquire,B.acquire')
    await button(visit, 'Release').click()
    await visit.page.locator('.theatre[data-at="3"]').waitFor()
    const verdicts = () =>
      visit.page
        .locator('[data-side-verdict]')
        .evaluateAll(sides => sides.map(side => side.getAttribute('data-side-verdict')))
    expect(await verdicts()).toEqual(['stuck', 'fine'])
    await visit.page.locator('select[name=beside]').selectOption('')
    await visit.page.waitForFunction(() => document.querySelectorAll('.side').length === 1)
    expect(await verdicts()).toEqual(['stuck'])
  })

  test('the story of the front page runs by itself, and stands still where less motion is wanted', async () => {
    const moving = await site.open('/')
    visits.push(moving)
    await moving.page.locator('.home-story').scrollIntoViewIfNeeded()
    await moving.page.locator('.home-story[data-running=true][data-at="1"]').waitFor()
    const still = await site.open('/', { reducedMotion: 'reduce' })
    visits.push(still)
    await still.page.locator('.home-story').scrollIntoViewIfNeeded()
    await still.page.locator('.home-story[data-running=false][data-at="9"]').waitFor()
    expect(
      await still.page
        .locator('[data-side-verdict]')
        .evaluateAll(sides => sides.map(side => side.getAttribute('data-side-verdict')))
    ).toEqual(['stuck', 'fine'])
  })

  test('nothing moves by itself where less motion is wanted', async () => {
    const visit = await enter('#lock=mutex&clients=2', { reducedMotion: 'reduce' })
    const longest = await visit.page.evaluate(() =>
      Math.max(
        ...[...document.querySelectorAll('.theatre *')].flatMap(element => {
          const { transitionDuration, animationDuration } = getComputedStyle(element)
          return `${transitionDuration},${animationDuration}`.split(',').map(Number.parseFloat)
        })
      )
    )
    expect(longest).toBeLessThan(0.01)
  })

  test('the overhead is measured in the browser, beside packages that people know', async () => {
    const visit = await site.open('/overhead.html')
    visits.push(visit)
    await visit.page.getByRole('button', { name: 'Measure' }).click()
    await visit.page.getByText('Done.').waitFor()
    const ratios = await visit.page.locator('.overhead td strong').allTextContents()
    expect(ratios.length).toBeGreaterThan(10)
    const packages = await visit.page
      .locator('[data-package]')
      .evaluateAll(rows => rows.map(row => row.getAttribute('data-package')))
    expect(new Set(packages)).toEqual(new Set(['latchkey', 'async-mutex', 'await-lock', 'p-limit']))
    for (const ratio of ratios) expect(Number.parseFloat(ratio)).toBeGreaterThan(0)
    await visit.picture('overhead')
  })
})
