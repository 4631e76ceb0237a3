// Reads Markdown as far as the tests of the docs need it: headings, links and fenced blocks, each with its line.

import { posix } from 'node:path'

export interface Fence {
  /** Words after the backticks: the language, then flags. */
  info: string[]
  /** Line of the first line inside the fence, counted from 1. */
  line: number
  code: string[]
  /** Stand-ins for the reader's own code, from a comment `<!-- setup … -->` right before the fence. */
  setup?: { line: number; code: string[] }
}

export interface Document {
  file: string
  fences: Fence[]
  links: { target: string; line: number }[]
  anchors: Set<string>
  /** Table rows as cells, header and rule included. */
  rows: { cells: string[]; line: number }[]
  /** The last line that says something. */
  foot: string
  problems: string[]
}

export function readMarkdown(file: string, text: string): Document {
  const document: Document = { file, fences: [], links: [], anchors: new Set(), rows: [], foot: '', problems: [] }
  const problem = (line: number, what: string) => document.problems.push(`${file}:${line}: ${what}`)
  const slugs = new Map<string, number>()
  const references = new Set<string>()
  const referred: { name: string; line: number }[] = []

  let fence: (Fence & { close: RegExp; indent: RegExp; opened: number }) | undefined
  let comment: { line: number; code: string[]; setup: boolean } | undefined
  let setup: Fence['setup']

  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = index + 1
    if (fence) {
      if (fence.close.test(raw)) {
        const { info, line, code, setup } = fence
        document.fences.push({ info, line, code, ...(setup && { setup }) })
        fence = undefined
      } else {
        fence.code.push(raw.replace(fence.indent, ''))
      }
      continue
    }
    if (comment) {
      if (/-->\s*$/.test(raw)) {
        if (comment.setup) setup = { line: comment.line + 1, code: comment.code }
        comment = undefined
      } else {
        comment.code.push(raw)
      }
      continue
    }
    if (raw.trim() === '') continue
    if (/^<!--/.test(raw)) {
      const started = { line, code: [], setup: /^<!--\s*setup\s*$/.test(raw) }
      if (!raw.includes('-->')) comment = started
      continue
    }
    // A list item or a quote may hold a fence.
    const open = /^([\s>]*)(`{3,}|~{3,})\s*(.*)$/.exec(raw)
    if (open) {
      const [, indent = '', ticks = '', info = ''] = open
      fence = {
        info: info.split(/\s+/).filter(Boolean),
        line: line + 1,
        code: [],
        ...(setup && { setup }),
        opened: line,
        close: new RegExp(`^[\\s>]*${ticks}${ticks[0]}*\\s*$`),
        indent: new RegExp(`^[\\s>]{0,${indent.length}}`)
      }
      setup = undefined
      continue
    }
    if (setup) problem(setup.line, 'a setup comment belongs right before an example')
    setup = undefined
    document.foot = raw.trim()

    const heading = /^#{1,6}\s+(.*?)\s*#*$/.exec(raw)
    if (heading) {
      const slug = slugOf(heading[1] ?? '')
      const seen = slugs.get(slug) ?? 0
      slugs.set(slug, seen + 1)
      document.anchors.add(seen === 0 ? slug : `${slug}-${seen}`)
    }
    // What stands in backticks is no link.
    const prose = raw.replaceAll(/(`+)(?!`).*?(?<!`)\1(?!`)/g, '')
    for (const [, id = ''] of prose.matchAll(/<a\s+(?:id|name)="([^"]+)"/g)) document.anchors.add(id)
    for (const [, target = ''] of prose.matchAll(/\]\(([^()\s]+)(?:\s+"[^"]*")?\)/g)) {
      document.links.push({ target, line })
    }
    for (const [, target = ''] of prose.matchAll(/\b(?:href|src|srcset)="([^"]+)"/g)) {
      document.links.push({ target, line })
    }
    for (const [, name = ''] of prose.matchAll(/\]\[([^\]]+)\]/g)) referred.push({ name, line })
    const definition = /^\s*\[([^\]]+)\]:\s*(\S+)/.exec(prose)
    if (definition) {
      references.add(definition[1] ?? '')
      document.links.push({ target: definition[2] ?? '', line })
    }
    if (/^\s*\|.*\|\s*$/.test(raw)) {
      const cells = raw
        .trim()
        .slice(1, -1)
        .split(/(?<!\\)\|/)
      document.rows.push({ cells: cells.map(cell => cell.trim()), line })
    }
  }
  if (fence) problem(fence.opened, 'this fence is never closed')
  if (comment) problem(comment.line, 'this comment is never closed')
  if (setup) problem(setup.line, 'a setup comment belongs right before an example')
  for (const { name, line } of referred) if (!references.has(name)) problem(line, `[${name}] is not defined`)
  return document
}

/** The anchor GitHub gives to a heading. */
export function slugOf(heading: string): string {
  return heading
    .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, '')
    .replaceAll(' ', '-')
}

/**
 * Every link that leads nowhere.
 *
 * @param exists whether the repository holds that file or folder
 * @param others documents that are linked to but not checked themselves
 */
export function deadLinks(
  documents: readonly Document[],
  exists: (path: string) => boolean,
  others: readonly Document[] = []
): string[] {
  const byFile = new Map([...documents, ...others].map(document => [document.file, document]))
  const dead = (file: string, target: string): string | undefined => {
    if (/^https:\/\//.test(target)) return
    if (/^[a-z][a-z0-9+.-]*:|^\//i.test(target)) return 'is neither relative nor https'
    const [path = '', anchor] = target.split('#')
    const there = path === '' ? file : posix.join(posix.dirname(file), decodeURI(path))
    if (there.startsWith('..')) return 'leads out of the repository'
    if (!exists(there)) return 'leads to nothing'
    if (anchor !== undefined && !byFile.get(there)?.anchors.has(anchor)) return `leads to no heading in ${there}`
    return
  }
  return documents.flatMap(({ file, links }) =>
    links.flatMap(({ target, line }) => {
      const why = dead(file, target)
      return why === undefined ? [] : `${file}:${line}: ${target} ${why}`
    })
  )
}

/** The items of the first numbered list of links, as paths from the root of the repository. */
export function readingOrder(file: string, text: string): string[] {
  const items = text.matchAll(/^\d+\. \[[^\]]+\]\(([^)#]+)(?:#[^)]*)?\)/gm)
  return Array.from(items, ([, target = '']) => posix.join(posix.dirname(file), target))
}

/** Where the foot of a guide leads: `← [Before](a.md) · [Guides](README.md) · [After](b.md) →`. */
export function footOf({ file, foot }: Document): { previous?: string; next?: string } {
  const path = (target: string | undefined) => target && posix.join(posix.dirname(file), target)
  const previous = path(/^← \[[^\]]+\]\(([^)]+)\)/.exec(foot)?.[1])
  const next = path(/\[[^\]]+\]\(([^)]+)\) →$/.exec(foot)?.[1])
  return { ...(previous && { previous }), ...(next && { next }) }
}

/** Where the feet of the guides depart from the order of the index. */
export function strayFeet(order: readonly string[], start: string, guides: readonly Document[]): string[] {
  const byFile = new Map(guides.map(guide => [guide.file, guide]))
  return order.flatMap((file, i) => {
    const guide = byFile.get(file)
    if (!guide) return `${file}: is in the index but does not exist`
    const expected = { previous: order[i - 1] ?? start, next: order[i + 1] }
    const { previous, next } = footOf(guide)
    const stray: string[] = []
    if (previous !== expected.previous) stray.push(`back to ${previous}, not ${expected.previous}`)
    if (next !== expected.next) stray.push(`on to ${next}, not ${expected.next}`)
    return stray.map(where => `${file}: the foot leads ${where}`)
  })
}
