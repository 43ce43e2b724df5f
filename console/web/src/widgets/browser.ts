// What the browser does for us outside of the page: clipboard, downloads, keyboard names.
import {toast} from './toast'

/** Copies text and says so; without the clipboard (plain HTTP) it uses a selection. */
export async function copyText(text: string, what: string) {
  try {
    if (navigator.clipboard) await navigator.clipboard.writeText(text)
    else {
      const area = document.createElement('textarea')
      area.value = text
      document.body.append(area)
      area.select()
      document.execCommand('copy')
      area.remove()
    }
    toast(`${what} copied`)
  } catch {
    toast(`The browser did not allow copying`, 'bad')
  }
}

/** Hands the browser a file made here. */
export function saveFile(name: string, type: string, text: string) {
  const url = URL.createObjectURL(new Blob([text], {type}))
  const a = document.createElement('a')
  a.href = url
  a.download = name
  a.click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}

export const isMac = /Mac|iPhone|iPad/.test(navigator.userAgent)

/** The name of the key that, with another one, is a command. */
export const modKey = isMac ? '⌘' : 'Ctrl'
