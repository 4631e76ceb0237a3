// The text of a file, which the bundler gives for this question.
declare module '*?raw' {
  const text: string
  export default text
}
