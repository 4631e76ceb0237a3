// Which file of the repository is which page of the site, and the order of the pages.
//
// The site has no text of its own beyond its front page and the theatre: it shows docs/ as it is, in the order that
// docs/README.md gives. A guide that is added there is on the site.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { DefaultTheme } from 'vitepress'

export const root = fileURLToPath(new URL('../../', import.meta.url))

/** Where files are that are no pages of the site. */
export const repository = 'https://github.com/latchkey-js/latchkey'

/** Where the site is published, with a slash at its end: what `homepage` in package.json says. */
export const publicUrl: string = JSON.parse(readFileSync(`${root}package.json`, 'utf8')).homepage

/** The path of a page on the site, for a path from the root of the repository; `undefined` if it is no page. */
export function pageOf(file: string): string | undefined {
  if (file === 'README.md') return 'index.md'
  if (file === 'CONTRIBUTING.md') return 'contributing.md'
  if (file === 'docs/README.md') return 'guides.md'
  const inside = /^(?:docs|site\/pages)\/(.+\.md)$/.exec(file)?.[1]
  return inside?.replace(/(^|\/)README\.md$/, '$1index.md')
}

/** The generated pages of the API. The site shows them in place of the signatures in api/. */
const REFERENCE = 'site/pages/api'

/** Where a relative link of a file leads on the site. */
export function linkOf(from: string, target: string): string {
  if (/^([a-z][a-z0-9+.-]*:|\/|#)/i.test(target)) return target
  const [path = '', anchor] = target.split('#')
  const file = posix.join(posix.dirname(from), decodeURI(path)).replace(/\/$/, '')
  const fragment = anchor === undefined ? '' : `#${anchor}`
  const reference = referenceOf(file, anchor)
  if (reference !== undefined) return reference
  const page = pageOf(file) ?? pageOf(`${file}/README.md`)
  const isPage = page !== undefined && (/\.md$/.test(file) || existsSync(`${root}${file}/README.md`))
  if (isPage) return `/${page.replace(/(^|\/)index\.md$/, '$1') || ''}${fragment}`
  return `${repository}/${/\.[a-z]+$/.test(file) ? 'blob' : 'tree'}/main/${file}${fragment}`
}

/** Where the reference tells more of what a file in api/ has a heading for. */
function referenceOf(file: string, anchor: string | undefined): string | undefined {
  if (file === 'api' || file === 'api/README.md') return '/api/'
  const entry = /^api\/(.+)\.api\.md$/.exec(file)?.[1]?.replaceAll('.', '/')
  if (entry === undefined) return
  const modules = entry === 'latchkey' ? entry : `latchkey/${entry}`
  if (anchor === undefined) return `/api/${modules}/`
  const list = read(`${REFERENCE}/${modules}/README.md`)
  // What is in a namespace has its page below that of the namespace.
  const inside = Array.from(list.matchAll(/\]\((namespaces\/\w+\/)README\.md\)/g), ([, folder = '']) => folder)
  const pages = ['', ...inside].flatMap(folder => {
    const lines = read(`${REFERENCE}/${modules}/${folder}README.md`)
    return Array.from(lines.matchAll(/^- \[[^\]]+\]\(([\w-]+\/(\w+)\.md)\)/gm), ([, page = '', name = '']) => ({
      page: folder + page,
      name
    }))
  })
  // `Instant` and `instant` are #instant and #instant-1, in the order in which the file has them.
  const [, word = '', nth = 0] = /^(\w+?)(?:-(\d+))?$/.exec(anchor) ?? []
  const sameAnchor = pages.filter(({ name }) => name.toLowerCase() === word).sort((a, b) => (a.name < b.name ? -1 : 1))
  const page = sameAnchor[Number(nth)]?.page
  if (page === undefined) throw new Error(`the reference has no page for ${file}#${anchor}`)
  return `/api/${modules}/${page}`
}

const read = (file: string) => readFileSync(`${root}${file}`, 'utf8')

/** The sidebar of the guides: the groups of docs/README.md, and below each folder what its README leads to. */
export function guides(): DefaultTheme.SidebarItem[] {
  const index = read('docs/README.md').split('<!-- end of the order -->')[0] ?? ''
  const groups = index.split(/^## /m).slice(1)
  const listed = new Set(Array.from(index.matchAll(/^\d+\. \[[^\]]+\]\(([^)#]+)/gm), ([, target = '']) => target))
  // None of them folds: the theme would put one button into another.
  return groups.map(group => ({
    text: titleOfGroup(group),
    items: Array.from(group.matchAll(/^\d+\. \[([^\]]+)\]\(([^)#]+)/gm), ([, text = '', target = '']) => {
      const file = posix.join('docs', target)
      const below = pagesBelow(file)
      // What has a place of its own in the list is not repeated below its folder.
      const inside = below.filter(({ file }) => !listed.has(posix.relative('docs', file))).map(({ item }) => item)
      return {
        text,
        link: linkOf('docs/README.md', target),
        ...(inside.length > 0 && { collapsed: true, items: inside })
      }
    })
  }))
}

/**
 * The other pages of the folder that a page leads to, its own if it is a README, else the one with its name: those that
 * it links to, in that order, then the rest.
 */
function pagesBelow(index: string): { file: string; item: DefaultTheme.SidebarItem }[] {
  const folder = index.replace(/(\/README)?\.md$/, '')
  if (!existsSync(`${root}${folder}`)) return []
  const there = readdirSync(`${root}${folder}`)
    .filter(name => name.endsWith('.md') && name !== 'README.md')
    .map(name => `${folder}/${name}`)
    .sort()
  const linked = Array.from(read(index).matchAll(/\]\(([^()#:]+\.md)(?:#[^)]*)?\)/g), ([, target = '']) =>
    posix.join(posix.dirname(index), target)
  )
  return [...new Set([...linked.filter(file => there.includes(file)), ...there])].map(file => ({
    file,
    item: { text: titleOf(file), link: linkOf(index, posix.relative(posix.dirname(index), file)) }
  }))
}

/** The sidebar of the API reference: each entry point, and in groups what it exports, as its page has them. */
export function api(): DefaultTheme.SidebarItem[] {
  const modules = Array.from(read(`${REFERENCE}/README.md`).matchAll(/^- \[([^\]]+)\]\(([^)]+)\)/gm))
  return modules.map(([, text = '', target = ''], i) => {
    const file = posix.join(REFERENCE, target)
    const groups = read(file).split(/^## /m).slice(1)
    return {
      text,
      link: linkOf(`${REFERENCE}/README.md`, target),
      collapsed: i > 0,
      items: groups.map(group => ({
        text: titleOfGroup(group),
        // With a link, the group and its fold are two things to press, and not one in another.
        link: `${linkOf(`${REFERENCE}/README.md`, target)}#${titleOfGroup(group).toLowerCase()}`,
        collapsed: i > 0 || !group.startsWith('Locks'),
        items: Array.from(group.matchAll(/^- \[([^\]]+)\]\(([^)]+)\)/gm), ([, text = '', target = '']) => ({
          text,
          link: linkOf(file, target)
        }))
      }))
    }
  })
}

const titleOfGroup = (group: string): string => group.slice(0, group.indexOf('\n')).trim()

export function titleOf(file: string): string {
  return /^# (.+)$/m.exec(read(file))?.[1]?.replaceAll(/[`*]/g, '') ?? posix.basename(file, '.md')
}
