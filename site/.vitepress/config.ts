import { defineConfig } from 'vitepress'
import { entryPoints } from '../../scripts/project.js'
import { adapt, slugify } from './markdown.js'
import { api, guides, pageOf, repository, root } from './pages.js'

const icon =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Cg fill='none' stroke='%230f766e' stroke-width='3'%3E%3Ccircle cx='11' cy='16' r='6'/%3E%3Cpath d='M17 16h12M25 16v6'/%3E%3C/g%3E%3C/svg%3E"

const brackets =
  '<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round"><path d="m8 7-5 5 5 5m8-10 5 5-5 5M13.5 5l-3 14"/></svg>'

export default defineConfig({
  title: 'latchkey',
  description:
    'Locks for async JavaScript that are handed over in order, can be given up cleanly, and belong to whoever holds them.',
  lang: 'en',
  // The path below which the site is served, with a slash at both ends.
  base: process.env.DOCS_BASE ?? '/',
  head: [['link', { rel: 'icon', href: icon }]],

  srcDir: root,
  srcExclude: ['README.md', 'CHANGELOG.md', '.*/**', '{api,bench,coverage,reports,scripts,src,test}/**'],
  rewrites: file => pageOf(file) ?? file,

  // Nothing is fetched before somebody asks for it.
  router: { prefetchLinks: false },

  markdown: {
    config: adapt,
    anchor: { slugify },
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' }
  },

  vite: {
    resolve: {
      // The theatre runs the package as it stands in src.
      alias: entryPoints.map(({ name, source }) => ({ find: new RegExp(`^${name}$`), replacement: source }))
    },
    // Old browsers have no `using`: lower it, as the build of the package does.
    esbuild: { target: 'es2022' },
    // The search index is large, and is fetched when somebody searches.
    build: { target: 'es2022', chunkSizeWarningLimit: 2000 }
  },

  themeConfig: {
    nav: [
      { text: 'Guides', link: '/guides', activeMatch: '^/(?!api/|theatre|$|index)' },
      { text: 'API', link: '/api/', activeMatch: '^/api/' },
      { text: 'Lock theatre', link: '/theatre' }
    ],
    sidebar: {
      '/api/': [{ text: 'API reference', link: '/api/', items: api() }],
      '/': [
        { text: 'Guides', items: guides() },
        {
          text: 'More',
          items: [
            { text: 'Lock theatre', link: '/theatre' },
            { text: 'API reference', link: '/api/' },
            { text: 'Contributing', link: '/contributing' }
          ]
        }
      ]
    },
    outline: { level: [2, 3] },
    search: { provider: 'local' },
    // A name would be looked up at another host while the site is being written.
    socialLinks: [{ icon: { svg: brackets }, link: repository, ariaLabel: 'The repository' }]
  }
})
