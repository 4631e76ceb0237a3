// The guides are written for the repository. On the site their links lead to pages, and to the repository for all else.

import { relative } from 'node:path'
import type { MarkdownOptions } from 'vitepress'
import { linkOf, root } from './pages.js'

type Markdown = Parameters<NonNullable<MarkdownOptions['config']>>[0]

/** The anchor that the repository's host gives to a heading, so that one link serves both. */
export function slugify(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, '')
    .replaceAll(' ', '-')
}

const HTML = /^<(?:!--|\/?(?:a|b|br|code|details|div|em|i|img|kbd|p|picture|source|span|strong|sub|summary|sup)\b)/i

export function adapt(markdown: Markdown): void {
  // The pages are compiled as templates, and what a guide says in double braces is no expression.
  const { rules } = markdown.renderer
  for (const name of ['text', 'code_inline'] as const) {
    const render = rules[name]
    if (render) rules[name] = (...args) => render(...args).replaceAll('{{', '&#123;&#123;')
  }

  markdown.core.ruler.push('repository', ({ tokens, env }) => {
    const path = env.realPath ?? env.path
    if (path === undefined) return // a title by itself
    const file = relative(root, path).replaceAll('\\', '/')
    for (const token of tokens) {
      if (token.type === 'html_block') token.content = adaptHtml(token.content)
      for (const child of token.children ?? []) {
        const target = child.type === 'link_open' ? child.attrGet('href') : null
        if (target !== null) child.attrSet('href', linkOf(file, target))
        // Promise<T> outside of backticks would be a component that is never closed.
        if (child.type === 'html_inline' && !file.startsWith('site/') && !HTML.test(child.content)) child.type = 'text'
      }
    }
    dropFoot(tokens)
    labelTables(tokens)
  })
}

/** What a comment holds is for the tests. An image is found by the bundler if its path starts with a dot. */
function adaptHtml(html: string): string {
  return html.replaceAll(/<!--[\s\S]*?-->/g, '').replaceAll(/\b(src|srcset)="(?![./]|[a-z]+:)/g, '$1="./')
}

type Tokens = Parameters<Parameters<Markdown['core']['ruler']['push']>[1]>[0]['tokens']

/** The foot of a guide leads to its neighbours, and the site has its own way to say that. */
function dropFoot(tokens: Tokens): void {
  const [open, text] = tokens.slice(-3)
  if (open?.type === 'paragraph_open' && text?.content.startsWith('← [')) tokens.splice(-3)
}

/** A wide table scrolls by itself, so the keyboard must be able to reach it. A cell that says nothing is no heading. */
function labelTables(tokens: Tokens): void {
  for (const [i, token] of tokens.entries()) {
    if (token.type === 'table_open') token.attrSet('tabindex', '0')
    const [text, close] = tokens.slice(i + 1, i + 3)
    if (token.type !== 'th_open' || text?.content !== '' || !close) continue
    token.tag = 'td'
    close.tag = 'td'
  }
}
