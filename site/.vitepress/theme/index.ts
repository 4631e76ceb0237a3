// The default theme without its web fonts: the site asks no other host for anything, and reads in the reader's own font.
import { type Theme, useData } from 'vitepress'
import DefaultTheme from 'vitepress/theme-without-fonts'
import { onMounted, watch } from 'vue'
import './style.css'

export default {
  extends: DefaultTheme,
  setup: markMain
} satisfies Theme

/** The guides have a main landmark from the theme, the theatre has its own, and the front page has none. */
function markMain(): void {
  const { frontmatter } = useData()
  onMounted(() =>
    watch(
      () => frontmatter.value.layout,
      layout => {
        const content = document.getElementById('VPContent')
        if (layout === 'home') content?.setAttribute('role', 'main')
        else content?.removeAttribute('role')
      },
      { immediate: true, flush: 'post' }
    )
  )
}
