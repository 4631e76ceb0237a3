// What the search looks through. Code and signatures are left out: they made three quarters of the index, which is fetched
// before the first query can be answered. The names of methods are headings, and stay.

import type { MarkdownEnv } from 'vitepress'

interface Renderer {
  render(source: string, env: MarkdownEnv): string
}

/** Sections of the API reference that repeat what stands elsewhere. */
const STUBS =
  /^(Parameters|Returns|Type Parameters|Constructors?|Properties|Extend(s|ed by)|Implement(s|ation of)|Inherited from|Overrides|Default Value|Accessors|Methods|Get Signature|Throws)$/

/** Pages about the work on the package, which answer no query of a user. They are not looked through. */
const FOR_CONTRIBUTORS = /(^|\/)(mutation-testing|contributing|CONTRIBUTING)\.md$/

const HEADING = /<h([1-6])[^>]*>([\s\S]*?)<a [^>]*class="header-anchor"[\s\S]*?<\/h\1>/g

const FENCE = /^([ \t>]*)(`{3,}|~{3,})[^\n]*\n[\s\S]*?\n\1\2[ \t]*$/gm

export function searchText(source: string, env: MarkdownEnv, markdown: Renderer): string {
  // Before it is rendered: to colour code that is then thrown away took half of the time of a build.
  const html = markdown.render(source.replaceAll(FENCE, ''), env)
  if (env.frontmatter?.search === false || FOR_CONTRIBUTORS.test(env.relativePath)) return ''
  return env.relativePath.includes('pages/api/') ? withoutStubs(html) : html
}

/** Drops properties, and headings that only name a part of a signature. */
export function withoutStubs(html: string): string {
  const headings = [...html.matchAll(HEADING)]
  let inProperties = false
  const kept = headings.map((heading, i) => {
    const [whole, level = '', inner = ''] = heading
    const title = inner.replaceAll(/<[^>]*>/g, '').trim()
    const end = headings[i + 1]?.index ?? html.length
    const section = html.slice(heading.index, end)
    if (Number(level) <= 2) inProperties = /^(Properties|Accessors)$/.test(title)
    if (inProperties || STUBS.test(title) || Number(level) >= 4) return ''
    // A heading with nothing below it is a stub as well.
    return Number(level) > 2 &&
      section
        .slice(whole.length)
        .replaceAll(/<[^>]*>/g, '')
        .trim() === ''
      ? ''
      : section
  })
  return kept.join('')
}
