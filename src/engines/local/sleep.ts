/// <reference types="node" />

const idle = new Int32Array(new SharedArrayBuffer(4))

/** Blocks this thread for so many ms. */
export function sleep(ms: number): void {
  Atomics.wait(idle, 0, 0, ms)
}
