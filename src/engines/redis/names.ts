// What things are called at the server: keys, and who holds them. Both are read by people, and by scripts.

/** What would end the hash tag, stand for an escape, or not survive as UTF-8, as `%` and its code. */
const encode = (text: string): string =>
  text.replace(/[%{}\p{Surrogate}]/gu, character => `%${character.charCodeAt(0).toString(16)}`)

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

/** A lock object, among all that use the server: the owner that the user gave it or else its name, and what is its own. */
export const objectNameOf = (owner: string | undefined, name: string | undefined): string =>
  `${owner === undefined ? `${encode(name ?? 'lock')}-` : `${encode(owner)}=`}${globalThis.crypto.randomUUID()}`

/** The owner as people read it: what the user called it; else the name of the holder as it is. */
export const shownOwner = (holder: string): string => {
  const [, owner] = /^(.*)=[0-9a-f-]{36}:\d+$/s.exec(holder) ?? []
  return owner === undefined ? holder : decode(owner)
}
