// The one thing of Node that src/context uses. The sources are compiled without Node's types, so that nothing else of
// Node can slip into them.

declare module 'node:async_hooks' {
  export class AsyncLocalStorage<T> {
    getStore(): T | undefined
    run<R>(store: T | undefined, callback: () => R): R
  }
}
