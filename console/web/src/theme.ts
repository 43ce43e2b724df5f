import {createTheme, localStorageColorSchemeManager, type MantineColorsTuple} from '@mantine/core'

const blue: MantineColorsTuple = [
  '#eef3fe',
  '#dbe5fc',
  '#b8cbf8',
  '#93aff3',
  '#6f93ee',
  '#4d78e6',
  '#2457d6',
  '#1f4cbd',
  '#1a40a0',
  '#153482',
]

// The greys of the dark scheme, from text to the deepest ground, as in styles.css.
const dark: MantineColorsTuple = [
  '#e7eaf0',
  '#c3cad6',
  '#a3acba',
  '#8f99a8',
  '#39414f',
  '#262c37',
  '#1b2029',
  '#151920',
  '#0e1116',
  '#0a0c10',
]

// Mantine draws fields, dialogs and menus; the colours come from styles.css, so that
// both use the same ones.
export const theme = createTheme({
  primaryColor: 'blue',
  primaryShade: 6,
  colors: {blue, dark},
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "DejaVu Sans", sans-serif',
  fontFamilyMonospace: 'var(--mono)',
  defaultRadius: 6,
  fontSizes: {xs: '11.5px', sm: '13px', md: '14px', lg: '16px', xl: '18px'},
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    Button: {defaultProps: {size: 'xs'}},
    ActionIcon: {defaultProps: {variant: 'subtle', color: 'gray', size: 28}},
    TextInput: {defaultProps: {size: 'sm'}},
    Modal: {defaultProps: {centered: true, transitionProps: {duration: 120, transition: 'fade'}, overlayProps: {backgroundOpacity: 0.4}}},
    Drawer: {defaultProps: {position: 'right', size: 460, transitionProps: {duration: 140}, overlayProps: {backgroundOpacity: 0.35}}},
    Menu: {defaultProps: {shadow: 'md', transitionProps: {duration: 80}}},
    Tooltip: {defaultProps: {openDelay: 350, transitionProps: {duration: 80}, withinPortal: true}},
  },
})

export const colorSchemeManager = localStorageColorSchemeManager({key: 'ringwall-theme'})

/** Nonce of this page for style elements; empty in the development server. */
export const styleNonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? ''
