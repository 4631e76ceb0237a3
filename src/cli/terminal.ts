/// <reference types="node" />
// What the terminal can show: colours, and how wide it is.

export interface Paint {
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
  readonly red: (text: string) => string
  readonly green: (text: string) => string
  readonly yellow: (text: string) => string
}

const style = (open: number, close: number) => (text: string) => `\x1b[${open}m${text}\x1b[${close}m`
const plain = (text: string): string => text

export const colours: Paint = {
  bold: style(1, 22),
  dim: style(2, 22),
  red: style(31, 39),
  green: style(32, 39),
  yellow: style(33, 39)
}

export const noColours: Paint = { bold: plain, dim: plain, red: plain, green: plain, yellow: plain }

/** Colours on a terminal, unless the environment says otherwise: https://no-color.org, and FORCE_COLOR as Node has it. */
export function paintFor(
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>
): Paint {
  const { NO_COLOR, FORCE_COLOR, TERM } = env
  if (FORCE_COLOR !== undefined) return ['0', 'false'].includes(FORCE_COLOR) ? noColours : colours
  if (NO_COLOR !== undefined && NO_COLOR !== '') return noColours
  return stream.isTTY === true && TERM !== 'dumb' ? colours : noColours
}

/** Breaks a text into lines of at most so many characters, at its spaces. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(/\s+/).filter(word => word !== '')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines.length > 0 ? lines : ['']
}
