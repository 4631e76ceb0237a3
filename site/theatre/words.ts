// What the page calls things.

import type { ClientView, Moment, Phase } from './run.js'
import type { Step } from './schedule.js'

/** How a client stands, in a few words. */
export function standing({ phase, holds, waitsFor, place }: ClientView): string {
  const isKind = waitsFor === 'read' || waitsFor === 'write'
  const what = waitsFor === '' ? '' : isKind ? ` to ${waitsFor}` : ` for ${waitsFor}`
  const waits = `waits${what}, ${place === 1 ? 'next' : `${ordinal(place)} in the queue`}`
  const has = holds === 'read' ? 'reads' : holds === 'write' ? 'writes' : `holds${holds && ` ${holds}`}`
  const words: Record<Phase, string> = {
    idle: 'idle',
    waits,
    holds: has,
    works: `${has}, works`,
    'holds-and-waits': `${has}, ${waits}`,
    left: 'has left',
    'ghost-waits': 'has left, is in the queue',
    'ghost-holds': 'has left, holds it'
  }
  return words[phase]
}

/** The same where there is little room. */
export function standingInShort(client: ClientView): string {
  const words: Record<Phase, string> = {
    idle: 'idle',
    waits: client.place === 1 ? 'next' : ordinal(client.place),
    holds: 'holds',
    works: 'works',
    'holds-and-waits': 'holds, waits',
    left: 'has left',
    'ghost-waits': 'left, queued',
    'ghost-holds': 'left, holds'
  }
  return words[client.phase]
}

/** The lanes for a reader that cannot see them. */
export const describe = (moment: Moment): string =>
  moment.clients.map(client => `${client.name}: ${standing(client)}`).join('. ')

const SHORT: Record<Step['verb'], string> = {
  acquire: 'acquire',
  read: 'read',
  write: 'write',
  work: 'work',
  release: 'release',
  again: 'again',
  abort: 'cancel',
  timeout: 'time out'
}

export const shortStep = ({ verb, what }: Step): string => (what === undefined ? SHORT[verb] : `take ${what}`)

export const ordinal = (n: number): string => `${n}${n === 1 ? 'st' : n === 2 ? 'nd' : n === 3 ? 'rd' : 'th'}`
