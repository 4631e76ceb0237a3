/// <reference types="node" />
// What the source of a lock tells beyond what runs: which members are private, and where each is written.

import { existsSync, readFileSync } from 'node:fs'
import { Session } from 'node:inspector'
import { fileURLToPath } from 'node:url'
import { isTypeScript } from './typescript.js'

/** The members that TypeScript, or a comment, says are private or protected. No code outside calls them. */
export function internalMembers(file: string): string[] {
  const names = new Set<string>()
  for (const text of textsOf(file)) {
    const modified =
      /(?:^|[\s;{(])(?:private|protected)\s+(?:(?:static|async|readonly|override|abstract)\s+)*([\w$]+)/gm
    const commented =
      /\/\*\*(?:(?!\*\/)[\s\S])*?@(?:private|internal|protected)\b(?:(?!\*\/)[\s\S])*?\*\/\s*(?:(?:static|async|public)\s+)*([\w$]+)\s*[(<=:]/g
    for (const pattern of [modified, commented])
      for (const [, name] of text.matchAll(pattern)) if (name !== undefined && name !== 'constructor') names.add(name)
  }
  // A name may be private in one class of the file and public in another.
  const isPublic = (name: string) => {
    const declared = new RegExp(
      `^[ \\t]*(?:public\\s+|async\\s+|static\\s+)*${name.replace(/\$/g, '\\$&')}\\s*(?:<[^>]*>)?\\([^;]*\\{\\s*$`,
      'm'
    )
    return textsOf(file).some(text => declared.test(withoutCommented(text)))
  }
  return [...names].filter(name => !isPublic(name))
}

/** Without the members that a comment says are private. */
const withoutCommented = (text: string): string =>
  text.replace(/\/\*\*(?:(?!\*\/)[\s\S])*?@(?:private|internal|protected)\b(?:(?!\*\/)[\s\S])*?\*\/[^\n]*\n[^\n]*/g, '')

/** The file, and the declarations beside it. */
function textsOf(file: string): string[] {
  const beside = isTypeScript(file)
    ? []
    : [file.replace(/\.([cm]?)jsx?$/, '.d.$1ts'), file.replace(/\.[cm]?jsx?$/, '.d.ts')]
  return [...new Set([file, ...beside])].flatMap(path => {
    try {
      return existsSync(path) ? [readFileSync(path, 'utf8')] : []
    } catch {
      return []
    }
  })
}

export interface Place {
  readonly file: string
  /** From 1. */
  readonly line: number
}

/** Where a function is written. Where it was translated on the way, the line is looked up in the file itself. */
export function placeOf(callable: unknown, name: string): Place | undefined {
  const found = typeof callable === 'function' ? inspect(callable) : undefined
  if (!found) return undefined
  const { file, line } = found
  try {
    const lines = readFileSync(file, 'utf8').split('\n')
    const declares = new RegExp(`(^|[\\s.*#])${name.replace(/\$/g, '\\$&')}\\s*(=|:|\\(|<)`)
    if (!isTypeScript(file) && declares.test(lines[line - 1] ?? '')) return { file, line }
    const isCall = (text: string) =>
      /^\s*(await|return|if|while|for|const|let|var|\/\/|\*)\b/.test(text) && !/=>|function/.test(text)
    const at = lines.findIndex(text => declares.test(text) && !isCall(text) && /[({]|=>/.test(text))
    return { file, line: at >= 0 ? at + 1 : line }
  } catch {
    return found
  }
}

/** What the engine knows of a function. */
function inspect(callable: object): Place | undefined {
  const session = new Session()
  const key = '__latchkeyInspected'
  const scripts = new Map<string, string>()
  try {
    session.connect()
    session.on('Debugger.scriptParsed', ({ params }) => scripts.set(params.scriptId, params.url))
    session.post('Debugger.enable')
    Object.assign(globalThis, { [key]: callable })
    let place: Place | undefined
    session.post('Runtime.evaluate', { expression: `globalThis.${key}` }, (_, evaluated) => {
      const objectId = evaluated?.result.objectId
      if (objectId === undefined) return
      session.post('Runtime.getProperties', { objectId, ownProperties: true }, (_, properties) => {
        const location = properties?.internalProperties?.find(({ name }) => name === '[[FunctionLocation]]')?.value
          ?.value as { scriptId: string; lineNumber: number } | undefined
        const url = location && scripts.get(location.scriptId)?.split('?')[0]
        if (!location || !url) return
        const file = url.startsWith('file:') ? fileURLToPath(url) : url
        if (existsSync(file)) place = { file, line: location.lineNumber + 1 }
      })
    })
    return place
  } catch {
    return undefined
  } finally {
    delete (globalThis as Record<string, unknown>)[key]
    try {
      session.post('Debugger.disable')
      session.disconnect()
    } catch {}
  }
}
