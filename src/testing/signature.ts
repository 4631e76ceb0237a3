// What the source of a function tells of its parameters. No parser of the language: enough of one to split a list of
// parameters at its commas.

export interface Parameter {
  readonly name: string
  /** The names that it takes out of an object, where it is written as `{ signal, timeout }`. */
  readonly fields: readonly string[]
  readonly rest: boolean
  /** It need not be given. */
  readonly hasDefault?: boolean
}

/** The parameters as they are written, or so many without a name where the source is not to be had. */
export function parametersOf(callable: (...args: never[]) => unknown): readonly Parameter[] {
  const source = Function.prototype.toString.call(callable)
  const list = /\[native code\]/.test(source) ? undefined : parameterList(withoutComments(source))
  if (list === undefined) return Array.from({ length: callable.length }, () => ({ name: '', fields: [], rest: false }))
  return split(list).map(describe)
}

/** The parameters of the constructor of a class. */
export function constructorParametersOf(Class: (...args: never[]) => unknown): readonly Parameter[] {
  const source = withoutComments(Function.prototype.toString.call(Class))
  if (!source.startsWith('class')) return parametersOf(Class)
  const start = /(^|[\s;{}])constructor\s*\(/.exec(source)
  if (start) return split(inBrackets(source, source.indexOf('(', start.index)) ?? '').map(describe)
  const parent: unknown = Object.getPrototypeOf(Class)
  return typeof parent === 'function' && parent !== Function.prototype
    ? constructorParametersOf(parent as (...args: never[]) => unknown)
    : []
}

const withoutComments = (source: string): string =>
  source.replace(/\/\*[\s\S]*?\*\/|(^|[^:'"`\\])\/\/[^\n]*/g, (_, before: string | undefined) => before ?? '').trim()

function parameterList(source: string): string | undefined {
  const single = /^(?:async\s+)?([\w$]+)\s*=>/.exec(source)
  if (single) return single[1]
  const open = source.indexOf('(')
  return open < 0 ? undefined : inBrackets(source, open)
}

/** What is between the bracket at `open` and the one that closes it. */
function inBrackets(source: string, open: number): string | undefined {
  for (const { index, depth } of walk(source, open)) if (depth === 0) return source.slice(open + 1, index)
  return undefined
}

function split(list: string): string[] {
  const parts: string[] = []
  let from = 0
  for (const { index, depth, character } of walk(list, 0))
    if (depth === 0 && character === ',') {
      parts.push(list.slice(from, index))
      from = index + 1
    }
  parts.push(list.slice(from))
  return parts.map(part => part.trim()).filter(part => part !== '')
}

/** Every character that is in no string, with how many brackets are open behind it. */
function* walk(source: string, from: number): Generator<{ index: number; depth: number; character: string }> {
  let depth = 0
  let quote = ''
  for (let index = from; index < source.length; index++) {
    const character = source[index]!
    if (quote !== '') {
      if (character === '\\') index++
      else if (character === quote) quote = ''
      continue
    }
    if ('\'"`'.includes(character)) quote = character
    else if ('([{'.includes(character)) depth++
    else if (')]}'.includes(character)) depth--
    yield { index, depth, character }
  }
}

function describe(parameter: string): Parameter {
  const rest = parameter.startsWith('...')
  const pattern = parameter.startsWith('{') ? inBrackets(parameter, 0) : undefined
  const hasDefault = withDefault(parameter)
  if (pattern !== undefined)
    return { name: 'options', rest, fields: split(pattern).map(field => /^[\w$]*/.exec(field)![0]), ...hasDefault }
  return { name: /^[\w$]*/.exec(rest ? parameter.slice(3) : parameter)![0], fields: [], rest, ...hasDefault }
}

function withDefault(parameter: string): { hasDefault?: true } {
  for (const { depth, character } of walk(parameter, 0))
    if (depth === 0 && character === '=') return { hasDefault: true }
  return {}
}
