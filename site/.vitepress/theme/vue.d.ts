// The bundler compiles the components; to the compiler they are components of any kind.
declare module '*.vue' {
  import type { Component } from 'vue'

  const component: Component
  export default component
}
