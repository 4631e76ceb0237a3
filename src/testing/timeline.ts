/** What the clients of a lock went through, step by step, up to the moment at which something was wrong. */

export interface Moment {
  readonly text: string
  readonly client: number | undefined
  readonly states: readonly ('idle' | 'waiting' | 'holding')[]
}

export interface Timeline {
  readonly clients: readonly string[]
  readonly moments: readonly Moment[]
  /** what went wrong, at the last moment, in one sentence */
  readonly fault: string
  /** clients that the fault is about, and what state each should be in */
  readonly expected: readonly { readonly client: number; readonly state: 'idle' | 'waiting' | 'holding' }[]
}
