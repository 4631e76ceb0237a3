// What is refused at the call: wrong arguments.

/** What a timer can count to, in ms; beyond it, timers fire at once. */
export const LONGEST_TIMER = 2 ** 31 - 1

export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'function') return 'a function'
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}

export function check(valid: boolean, label: string, argument: string, expected: string, value: unknown): void {
  if (valid) return
  const Misuse = typeof value === 'number' && expected.includes('number') ? RangeError : TypeError
  throw new Misuse(`${label}: ${argument} must be ${expected}, got ${show(value)}`)
}

export function checkMethods(label: string, argument: string, value: object, methods: readonly string[]): void {
  for (const method of methods) {
    const has = typeof (value as Record<string, unknown> | null)?.[method] === 'function'
    check(has, label, argument, `an object with ${methods.join(', ')}`, value)
  }
}
