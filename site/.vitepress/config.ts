import { defineConfig } from 'vitepress'
import { entryPoints } from '../../scripts/project.js'
import { adapt, slugify } from './markdown.js'
import { api, guides, pageOf, publicUrl, repository, root } from './pages.js'
import { searchText } from './search.js'

const icon =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Cg fill='none' stroke='%230f766e' stroke-width='3'%3E%3Ccircle cx='11' cy='16' r='6'/%3E%3Cpath d='M17 16h12M25 16v6'/%3E%3C/g%3E%3C/svg%3E"

const brackets =
  '<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round"><path d="m8 7-5 5 5 5m8-10 5 5-5 5M13.5 5l-3 14"/></svg>'

const description =
  'Mutex, semaphore and read-write lock for async JavaScript: fair, cancellable with AbortSignal, impossible to release twice.'

export default defineConfig({
  title: 'latchkey',
  description,
  lang: 'en',
  // The path below which the site is served, with a slash at both ends.
  base: process.env.DOCS_BASE ?? '/',
  head: [
    ['link', { rel: 'icon', href: icon }],
    ['meta', { property: 'og:type', content: 'website' }],
    ['meta', { property: 'og:site_name', content: 'latchkey' }],
    ['meta', { property: 'og:image', content: `${publicUrl}social.png` }],
    ['meta', { property: 'og:image:width', content: '1200' }],
    ['meta', { property: 'og:image:height', content: '630' }],
    ['meta', { property: 'og:image:alt', content: 'Two lanes: a mutex that hangs, and latchkey, which does not' }],
    ['meta', { name: 'twitter:card', content: 'summary_large_image' }]
  ],
  sitemap: { hostname: publicUrl },
  lastUpdated: true,

  // Each page names itself to those that link to it. The generated pages have no source that could be edited.
  transformPageData(page) {
    const path = page.relativePath.replace(/(^|\/)index\.md$/, '$1').replace(/\.md$/, '.html')
    page.frontmatter.head ??= []
    page.frontmatter.head.push(
      ['link', { rel: 'canonical', href: `${publicUrl}${path}` }],
      ['meta', { property: 'og:url', content: `${publicUrl}${path}` }],
      ['meta', { property: 'og:title', content: page.title || 'latchkey' }],
      ['meta', { property: 'og:description', content: page.description || description }]
    )
    if (path.startsWith('api/')) Object.assign(page.frontmatter, { editLink: false, lastUpdated: false })
  },

  srcDir: root,
  srcExclude: ['README.md', 'CHANGELOG.md', '.*/**', '{api,bench,coverage,reports,scripts,src,test}/**'],
  rewrites: file => pageOf(file) ?? file,

  // Nothing is fetched before the visitor asks for it.
  router: { prefetchLinks: false },

  markdown: {
    config: adapt,
    anchor: { slugify },
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' }
  },

  vite: {
    publicDir: `${root}site/public`,
    resolve: {
      // The theatre runs the package as it stands in src.
      alias: entryPoints.map(({ name, source }) => ({ find: new RegExp(`^${name}$`), replacement: source }))
    },
    // Old browsers have no `using`: lower it, as the build of the package does.
    esbuild: { target: 'es2022' },
    // The search index is large, and is fetched at the first search.
    build: { target: 'es2022', chunkSizeWarningLimit: 2000 }
  },

  themeConfig: {
    nav: [
      { text: 'Guides', link: '/guides', activeMatch: '^/(?!api/|theatre|overhead|$|index)' },
      { text: 'API', link: '/api/', activeMatch: '^/api/' },
      { text: 'Lock theatre', link: '/theatre', activeMatch: '^/(theatre|overhead)' }
    ],
    sidebar: {
      '/api/': [{ text: 'API reference', link: '/api/', items: api() }],
      '/': [
        ...guides(),
        {
          text: 'More',
          items: [
            { text: 'Lock theatre', link: '/theatre' },
            { text: 'What a lock costs in your browser', link: '/overhead' },
            { text: 'API reference', link: '/api/' },
            { text: 'Contributing', link: '/contributing' }
          ]
        }
      ]
    },
    outline: { level: [2, 3] },
    search: {
      provider: 'local',
      options: {
        _render: searchText,
        // A guide answers a question better than a signature or a list of other packages, and a heading better than a paragraph.
        miniSearch: {
          searchOptions: {
            boost: { title: 6, titles: 2, text: 1 },
            boostDocument: id => (/\/(api|field|migration|mutation-testing|stability)\b/.test(id) ? 0.4 : 1)
          }
        }
      }
    },
    editLink: { pattern: `${repository}/edit/main/:path`, text: 'Edit this page' },
    lastUpdated: { text: 'Last updated', formatOptions: { dateStyle: 'medium' } },
    footer: {
      message: `Released under the <a href="${repository}/blob/main/LICENSE">MIT License</a>. No dependencies.`,
      copyright: `<a href="${repository}">Source</a> · <a href="${repository}/issues">Report a problem</a>`
    },
    notFound: {
      title: 'This page does not exist',
      quote: 'It may have moved. The guides and the search are the quickest way to it.',
      linkText: 'To the first page'
    },
    // A name would be looked up at another host while the site is being written.
    socialLinks: [{ icon: { svg: brackets }, link: repository, ariaLabel: 'The repository' }]
  }
})
