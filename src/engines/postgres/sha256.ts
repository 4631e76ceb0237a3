// SHA-256 (FIPS 180-4) of a short text, at once and on every runtime: that of the platform is either asynchronous, and a
// key must be known before its caller joins the line, or of Node alone.

/** The fractional part of `x`, as 32 bits. */
const bits = (x: number): number => ((x - Math.floor(x)) * 2 ** 32) | 0

const primes: number[] = []
for (let n = 2; primes.length < 64; n++) if (primes.every(prime => n % prime !== 0)) primes.push(n)
const ROUNDS = Int32Array.from(primes, prime => bits(Math.cbrt(prime)))
const START = Int32Array.from(primes.slice(0, 8), prime => bits(Math.sqrt(prime)))

const encoder = new TextEncoder()

/** As UTF-8. A surrogate that stands alone has no place there; `TextEncoder` would make them all one. */
function encode(text: string): Uint8Array {
  const parts = text.split(/(\p{Surrogate})/u).map(part => {
    const code = part.charCodeAt(0)
    const alone = part.length === 1 && code >= 0xd800 && code <= 0xdfff
    return alone ? [0xed, 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)] : [...encoder.encode(part)]
  })
  return Uint8Array.from(parts.flat())
}

const isWellFormed = (text: string): boolean => !/\p{Surrogate}/u.test(text)
const rotate = (x: number, n: number): number => (x >>> n) | (x << (32 - n))

/** The first 8 bytes of the hash, as the signed number that PostgreSQL calls a bigint. */
export function sha256Start(text: string): bigint {
  const hash = sha256(isWellFormed(text) ? encoder.encode(text) : encode(text))
  return BigInt.asIntN(64, (BigInt(hash[0]! >>> 0) << 32n) | BigInt(hash[1]! >>> 0))
}

/** The hash as eight words. */
function sha256(message: Uint8Array): Int32Array {
  const blocks = Math.ceil((message.length + 9) / 64)
  const padded = new DataView(new ArrayBuffer(blocks * 64))
  new Uint8Array(padded.buffer).set(message)
  padded.setUint8(message.length, 0x80)
  padded.setUint32(blocks * 64 - 8, Math.floor(message.length / 2 ** 29))
  padded.setUint32(blocks * 64 - 4, message.length << 3)

  const hash = START.slice()
  const w = new Int32Array(64)
  for (let block = 0; block < blocks; block++) {
    for (let i = 0; i < 16; i++) w[i] = padded.getInt32(block * 64 + i * 4)
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15]!
      const y = w[i - 2]!
      const s0 = rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3)
      const s1 = rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10)
      w[i] = w[i - 16]! + s0 + w[i - 7]! + s1
    }
    mix(hash, w)
  }
  return hash
}

function mix(hash: Int32Array, w: Int32Array): void {
  let a = hash[0]!
  let b = hash[1]!
  let c = hash[2]!
  let d = hash[3]!
  let e = hash[4]!
  let f = hash[5]!
  let g = hash[6]!
  let h = hash[7]!
  for (let i = 0; i < 64; i++) {
    const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + ROUNDS[i]! + w[i]!) | 0
    const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
    h = g
    g = f
    f = e
    e = (d + t1) | 0
    d = c
    c = b
    b = a
    a = (t1 + t2) | 0
  }
  const mixed = [a, b, c, d, e, f, g, h]
  for (let i = 0; i < 8; i++) hash[i] = hash[i]! + mixed[i]!
}
