// The default theme without its web fonts: the site asks no other host for anything, and reads in the reader's own font.
import type { Theme } from 'vitepress'
import DefaultTheme from 'vitepress/theme-without-fonts'
import { h } from 'vue'
import HeroLanes from './HeroLanes.vue'
import './style.css'

export default {
  extends: DefaultTheme,
  Layout: () => h(DefaultTheme.Layout, null, { 'home-hero-image': () => h(HeroLanes) })
} satisfies Theme
