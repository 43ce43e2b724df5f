import {useEffect, useState} from 'react'

/** The time, again every few seconds, for "3 min ago". */
export function useNow(everyMs = 5000): number {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const t = setInterval(() => setNow(Date.now()), everyMs)
    return () => clearInterval(t)
  }, [everyMs])
  return now
}
