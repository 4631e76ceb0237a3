import { rmSync } from 'node:fs'
import { fromRoot } from './project.js'

rmSync(fromRoot('dist'), { recursive: true, force: true })
