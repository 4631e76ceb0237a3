/** What each client was doing after one step. */
export interface Moment {
  /** The step, as it reads: `B acquires (waits)`. */
  readonly text: string
  /** The client that took it, as an index; `undefined` for what no client does, such as time that passes. */
  readonly client: number | undefined
  /** What each client does after it. */
  readonly states: readonly ('idle' | 'waiting' | 'holding')[]
}

/** A schedule as it went, up to the moment that broke a guarantee. Plain data: it is what a drawing needs. */
export interface Timeline {
  readonly clients: readonly string[]
  readonly moments: readonly Moment[]
  /** What went wrong, at the last moment, in one sentence. */
  readonly fault: string
  /** The clients that the fault is about, and what each should be doing. */
  readonly expected: readonly { readonly client: number; readonly state: 'idle' | 'waiting' | 'holding' }[]
}
