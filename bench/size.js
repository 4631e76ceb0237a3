// What an import costs. The bundles and their bars are those of `npm run size`.

import { bundles, measureBundles } from '../scripts/size.js'
import { judge } from './harness.js'

const group = 'Bundle'
const nameOf = (/** @type {{ name: string }} */ { name }) => `${name}, minified and gzipped`

/** @type {import('./harness.js').Experiment[]} */
export const experiments = [
  {
    group,
    rows: bundles.map(bundle => ({
      id: `bundle-${bundle.name}`,
      name: nameOf(bundle),
      size: 1,
      bar: bundle.bar,
      aim: bundle.aim
    })),
    measure: async rows => {
      const measured = new Map((await measureBundles()).map(bundle => [nameOf(bundle), bundle.bytes]))
      return rows.map(row => {
        const samples = new Map([['latchkey', [measured.get(row.name) ?? Number.NaN]]])
        return judge(
          group,
          row,
          [{ name: 'latchkey', role: 'latchkey', run: () => {} }],
          { samples, skipped: new Map() },
          'B'
        )
      })
    }
  }
]
