// What things are called at the server: keys, and who holds them. Both are read by people, and by scripts.

/** What would end the hash tag, stand for an escape, or not survive as UTF-8, as `%` and its code. */
const encode = (text: string): string =>
  // Most keys have nothing of it, and to look for that is cheap where surrogates need not be told from their pairs.
  /[%{}\ud800-\udfff]/.test(text)
    ? text.replace(/[%{}\p{Surrogate}]/gu, character => `%${character.charCodeAt(0).toString(16)}`)
    : text

/** The code of a surrogate has four digits, and begins with a d as no other does. */
const decode = (text: string): string =>
  text.replace(/%(d[0-9a-f]{3}|[0-9a-f]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))

/** A namespace as it stands in keys and channels: nothing in it can end it. */
export const encodeNamespace = (namespace: string): string => encode(namespace).replaceAll(':', '%3a')

/**
 * What is in the first braces decides in which slot of a cluster a key is. All that is kept of one lock begins with this,
 * so it is in one slot; with the hash tag of the namespace, all of its locks are. No key is both.
 */
export const lockNameOf = (namespace: string, key: string, tag: 'key' | 'namespace'): string =>
  tag === 'key' ? `latchkey:{${namespace}:${encode(key)}}` : `latchkey:{${namespace}}{${encode(key)}}`

/** What Node, Bun and Deno have. */
interface Platform {
  readonly pid?: number
  getBuiltinModule?(name: 'node:os'): { hostname(): string } | undefined
}

/** `4711@machine-`: where a person finds it. Nothing is imported, since a platform may have neither: then it is empty. */
const whereabouts = (): string => {
  const { process, Deno } = globalThis as { process?: Platform; Deno?: unknown }
  if (process?.pid === undefined) return ''
  // Deno would ask its user whether it may tell.
  const host = Deno === undefined ? process.getBuiltinModule?.('node:os')?.hostname() : undefined
  return host === undefined ? `${process.pid}-` : `${process.pid}@${host}-`
}

/**
 * A lock object, among all that use the server: the owner that the user gave it, or else its name and where it is; and a
 * random id, since neither need be its own.
 */
export const objectNameOf = (owner: string | undefined, name: string | undefined): string => {
  const shown = owner === undefined ? encode(`${name ?? 'lock'}-${whereabouts()}`) : `${encode(owner)}=`
  return `${shown}${globalThis.crypto.randomUUID()}`
}

/** The owner as people read it: what the user called it; else the name of the holder as it is. */
export const shownOwner = (holder: string): string => {
  const [, owner] = /^(.*)=[0-9a-f-]{36}:\d+$/s.exec(holder) ?? []
  return owner === undefined ? holder : decode(owner)
}
