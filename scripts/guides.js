// Writes what follows from the order of the guides in docs/README.md: the map in the README, and the foot of each guide with
// the way back and on. Run it after a guide was added, moved or renamed: `npm run docs:order`.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { posix } from 'node:path'
import { fromRoot } from './project.js'

const INDEX = 'docs/README.md'
const read = file => readFileSync(fromRoot(file), 'utf8')
const write = (file, text) => {
  if (read(file) !== text) writeFileSync(fromRoot(file), text)
}

const index = read(INDEX)
const start = index.indexOf('## Learn')
const end = index.indexOf('<!-- end of the order -->')
if (start < 0 || end < 0) throw new Error(`${INDEX}: the order stands between "## Learn" and its end mark`)

// The numbers run through all groups.
let number = 0
const order = index.slice(start, end).replaceAll(/^\d+\. /gm, () => `${++number}. `)
write(INDEX, index.slice(0, start) + order + index.slice(end))

const guides = Array.from(order.matchAll(/^\d+\. \[([^\]]+)\]\(([^)]+)\)/gm), ([, title = '', target = '']) => ({
  title,
  file: posix.join('docs', target)
}))

// The README has the same groups as bold lines, with paths from the root.
const map = order
  .replaceAll(/^## (.*)$/gm, '**$1**')
  .replaceAll(/\]\((?!https:)([^)]+)\)/g, (_, target) => `](docs/${target})`)
  .trim()
const readme = read('README.md')
const mark = /(<!-- map: .* -->\n)[\s\S]*?(<!-- end of the map -->)/
if (!mark.test(readme)) throw new Error('README.md: there are no marks around the map')
write(
  'README.md',
  readme.replace(mark, (_, open, close) => `${open}\n${map}\n\n${close}`)
)

const startOfAll = { title: 'latchkey', file: 'README.md' }
for (const [i, { file }] of guides.entries()) {
  if (!existsSync(fromRoot(file))) throw new Error(`${INDEX} names ${file}, which does not exist`)
  const link = ({ title, file: to }) => `[${title}](${posix.relative(posix.dirname(file), to)})`
  const parts = [`← ${link(guides[i - 1] ?? startOfAll)}`, link({ title: 'Guides', file: INDEX })]
  const next = guides[i + 1]
  if (next) parts.push(`${link(next)} →`)
  const lines = read(file).trimEnd().split('\n')
  if (lines.at(-1)?.startsWith('←')) lines.pop()
  write(file, `${lines.join('\n').trimEnd()}\n\n${parts.join(' · ')}\n`)
}
