// A small set of icons, drawn on a grid of 16. Decoration only: every button that
// shows nothing else has a label of its own.
const paths = {
  overview: 'M2 13.5h12M4 11V7.5M8 11V3M12 11V5.5',
  events: 'M2 4h12M2 8h12M2 12h7',
  sites: 'M8 2v3.5M3.5 10V8h9v2M8 5.5V10M2 10.2h3v3H2zM6.5 10.2h3v3h-3zM11 10.2h3v3h-3zM6.5 2h3v3.5h-3z',
  gateways: 'M2 3h12v4H2zM2 9h12v4H2zM4.5 5h.01M4.5 11h.01M7 5h4M7 11h4',
  lake:
    'M8 2c3.3 0 5.5.9 5.5 2.2S11.3 6.500 8 6.500 2.500 5.500 2.500 4.200 4.700 2 8 2z' +
    'M2.500 4.200v7.600C2.500 13.100 4.700 14 8 14s5.500-.9 5.500-2.200V4.200' +
    'M2.500 8c0 1.300 2.200 2.200 5.500 2.200s5.500-.9 5.500-2.200',
  users:
    'M6 7.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5z' +
    'M1.500 13.500c.3-2.500 2-4 4.500-4s4.200 1.500 4.500 4M10.500 2.800a2.500 2.500 0 0 1 0 4.500' +
    'M12 9.800c1.400.5 2.300 1.800 2.500 3.700',
  audit: 'M4 2h8v12l-2-1.300L8 14l-2-1.300L4 14zM6.500 5.500h3M6.500 8.500h3',
  search: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.700 10.700 14 14',
  close: 'M4 4l8 8M12 4l-8 8',
  minus: 'M3.500 8h9',
  plus: 'M8 3.500v9M3.500 8h9',
  check: 'M3 8.500 6.500 12 13 4.500',
  up: 'M4 10l4-4 4 4',
  down: 'M4 6l4 4 4-4',
  left: 'M10 4 6 8l4 4',
  right: 'M6 4l4 4-4 4',
  refresh: 'M13.500 8A5.500 5.500 0 1 1 11.700 3.900L13.500 5.500M13.500 2v3.500H10',
  copy: 'M5.500 5.500V3h7.500v7.500h-2.500M3 5.500h7.500V13H3z',
  terminal: 'M2 3h12v10H2zM4.500 6l2 2-2 2M8.500 10.500h3',
  download: 'M8 2.500v7.500M4.800 7 8 10.200 11.200 7M2.500 13.500h11',
  expand: 'M9.500 2.500h4v4M13.500 2.500 9 7M6.500 13.500h-4v-4M2.500 13.500 7 9',
  help: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM6.300 6.300C6.300 4.200 9.800 4.300 9.700 6.400 9.600 7.700 8 7.700 8 9.300M8 11.500h.01',
  sun:
    'M8 10.800a2.800 2.800 0 1 0 0-5.600 2.800 2.800 0 0 0 0 5.600zM8 1.500v1.200M8 13.300v1.200' +
    'M1.500 8h1.200M13.300 8h1.200M3.400 3.400l.9.9M11.700 11.700l.9.9M12.600 3.400l-.9.9' +
    'M4.300 11.700l-.9.9',
  moon: 'M13.500 9.500A5.800 5.800 0 0 1 6.500 2.500a5.800 5.800 0 1 0 7 7z',
  auto: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 2v12M8 4.500h3.500M8 8h5M8 11.500h3.500',
  logout: 'M6 2.500H3v11h3M10 5l3 3-3 3M13 8H6.500',
  key: 'M10.500 9A3.500 3.500 0 1 0 7.200 6.700L2 12v2h2.500v-1.500H6V11h1.500l1-1zM11 5h.01',
  more: 'M3.500 8h.01M8 8h.01M12.500 8h.01',
  edit: 'M10.500 3 13 5.500 5.500 13H3v-2.500zM9 4.500 11.500 7',
  trash: 'M3 4.500h10M6.500 4.500V2.500h3v2M4.500 4.500l.6 9h5.800l.6-9M6.700 7v4M9.300 7v4',
  filter: 'M2 3.500h12L9.500 8.700v4.300l-3-1.500V8.700z',
  clock: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 4.800V8l2.200 1.500',
  play: 'M5 3l8 5-8 5z',
  pause: 'M5.500 3.500v9M10.500 3.500v9',
  bolt: 'M9 1.500 3.500 9H8l-1 5.500L12.500 7H8z',
  shield: 'M8 1.800 13.200 3.600v4.200c0 3.100-2 5.300-5.200 6.400-3.200-1.100-5.200-3.300-5.200-6.400V3.600z',
  exception: 'M8 1.800 13.200 3.600v4.200c0 3.100-2 5.300-5.200 6.400-3.200-1.100-5.200-3.300-5.200-6.400V3.600zM5.800 8h4.400',
  warn: 'M8 2.500 14.500 13.500h-13zM8 6.500v3.500M8 11.800h.01',
} as const

export type IconName = keyof typeof paths

export function Icon({name}: {name: IconName}) {
  return (
    <svg className="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={paths[name]} strokeWidth={name === 'more' ? 2.2 : undefined} />
    </svg>
  )
}

/** A ring with one gate in it. */
export function Logo() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="#2457d6" />
      <path d="M11.200 24.300a9.600 9.600 0 1 1 9.600 0" fill="none" stroke="#fff" strokeWidth="3.200" strokeLinecap="round" />
      <circle cx="16" cy="16" r="3.100" fill="#fff" />
    </svg>
  )
}
