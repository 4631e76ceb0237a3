import { rmSync } from 'node:fs'
import { fromRoot, stubs } from './project.js'

// The whole folder of `adapters/hub`: nothing but manifests of entry points is in it.
for (const folder of ['dist', ...stubs.map(({ folder }) => folder.split('/')[0] ?? folder)])
  rmSync(fromRoot(folder), { recursive: true, force: true })
