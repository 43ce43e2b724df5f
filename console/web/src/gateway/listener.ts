/** A listener's address as a URL that a browser on this machine or network can open. */
export function listenerURL(address: string, tls: boolean): string {
  const host = location.hostname.includes(':') ? `[${location.hostname.replace(/[[\]]/g, '')}]` : location.hostname
  return `${tls ? 'https' : 'http'}://` + address.replace(/^(0\.0\.0\.0|\[::\]|::|)(?=:\d+$)/, host)
}
