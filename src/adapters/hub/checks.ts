// What is refused at the call: wrong arguments.

export function signalOf(options: { signal?: AbortSignal | undefined } = {}): AbortSignal | undefined {
  check(isRecord(options), 'options', 'an object', options)
  const { signal } = options
  const fits = signal === undefined || (has(signal, 'addEventListener') && 'aborted' in signal)
  check(fits, 'options.signal', 'an AbortSignal', signal)
  return signal
}

export function checkText(argument: string, value: unknown): void {
  check(typeof value === 'string' && value !== '', argument, 'a non-empty string', value)
}

export function check(ok: boolean, argument: string, expected: string, value: unknown): void {
  if (!ok) throw new TypeError(`ToolHub: ${argument} must be ${expected}, got ${show(value)}`)
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function has(value: unknown, method: string): boolean {
  return isRecord(value) && typeof value[method] === 'function'
}

export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'function') return 'a function'
  if (typeof value !== 'object' || value === null) return String(value)
  return Array.isArray(value) ? 'an array' : 'an object'
}
