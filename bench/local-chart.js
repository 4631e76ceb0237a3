// The hand-off between processes as a picture, on a logarithmic scale. An SVG that brings its own background and follows
// the reader's colour scheme.

const style = `
  .page { fill: #ffffff } text { font: 12px system-ui, 'Segoe UI', 'Liberation Sans', Arial, sans-serif; fill: #3d444d }
  .head { font-weight: 600; fill: #1f2328 } .own { font-weight: 600; fill: #0a6cc9 } .bar { fill: #9aa4b0 } .own-bar { fill: #0a6cc9 }
  @media (prefers-color-scheme: dark) { .page { fill: #0d1117 } text { fill: #c4ccd6 } .head { fill: #f0f3f6 } .own { fill: #58a6ff } .own-bar { fill: #58a6ff } .bar { fill: #6e7884 } }`

const shown = [
  'free: acquire and release',
  'hand-off to another process, median',
  'the next holder, after a SIGKILL',
  '8 processes: longest run of one'
]

/** @param {Array<{ row: string, unit: string, values: Record<string, number> }>} results */
export function localChart(results) {
  const rows = results.filter(({ row }) => shown.includes(row))
  let y = 34
  const parts = []
  for (const { row, unit, values } of rows) {
    parts.push(`<text class="head" x="24" y="${y}">${row}, ${unit} (logarithmic)</text>`)
    y += 10
    const all = Object.entries(values).filter(([, value]) => value > 0)
    const least = Math.min(...all.map(([, value]) => value)) / 2
    const most = Math.max(...all.map(([, value]) => value))
    for (const [name, value] of all) {
      const isOwn = name === 'latchkey'
      const width = (Math.log(value / least) / Math.log(most / least)) * 420
      const text = value >= 100 ? value.toFixed(0) : value.toPrecision(3)
      parts.push(
        `<text${isOwn ? ' class="own"' : ''} x="250" y="${y + 13}" text-anchor="end">${name}</text>`,
        `<rect class="${isOwn ? 'own-bar' : 'bar'}" x="260" y="${y + 3}" width="${width.toFixed(1)}" height="12" rx="2"/>`,
        `<text${isOwn ? ' class="own"' : ''} x="${(266 + width).toFixed(1)}" y="${y + 13}">${text}</text>`
      )
      y += 19
    }
    y += 28
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 ${y}" role="img" aria-label="Locks between processes of one machine">
<style>${style}</style>
<rect class="page" width="760" height="${y}"/>
${parts.join('\n')}
</svg>
`
}
