// How a changeset becomes lines of CHANGELOG.md: as it was written, without the commit that brought it.

/** @type {import('@changesets/types').ChangelogFunctions} */
module.exports = {
  async getReleaseLine({ summary }) {
    const [first = '', ...rest] = summary.trimEnd().split('\n')
    return [`- ${first}`, ...rest.map(line => (line ? `  ${line}` : ''))].join('\n')
  },
  async getDependencyReleaseLine() {
    return ''
  }
}
