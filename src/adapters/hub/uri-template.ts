// Whether a URI may come from a template, as in RFC 6570. Not which values it was made with: the server knows better.

/** What the variables of an expression may be: `{x}` has no reserved characters, `{+x}` and `{#x}` have. */
const partOf = (expression: string): string => {
  const operator = expression.at(0) ?? ''
  if (operator === '+' || operator === '#') return '.*'
  if (operator === '/') return '(?:/[^/?#]*)*'
  if (operator === '?' || operator === '&') return '(?:[?&][^#]*)?'
  return '[^/?#]*'
}

/** More would let a server make a pattern that takes forever. */
const MOST_EXPRESSIONS = 8

export function matches(template: string, uri: string): boolean {
  const parts = template.split(/(\{[^{}]*\})/)
  if (parts.length > 2 * MOST_EXPRESSIONS + 1) return false
  const pattern = parts
    .map(part =>
      part.startsWith('{') && part.endsWith('}')
        ? partOf(part.slice(1, -1))
        : part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
    )
    .join('')
  return new RegExp(`^${pattern}$`, 's').test(uri)
}
