// The default theme without its web fonts: the site asks no other host for anything, and reads in the reader's own font.
import theme from 'vitepress/theme-without-fonts'
import './style.css'

export default theme
