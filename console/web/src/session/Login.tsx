import {Button, PasswordInput, TextInput} from '@mantine/core'
import {useEffect, useState} from 'react'
import {api, ApiError, hasStatus, messageOf} from '../api/client'
import type {Session} from '../api/gen'
import {Icon, Logo} from '../widgets/icons'

export function Login({onLogin}: {onLogin: (s: Session) => void}) {
  const [username, setUsername] = useState('')
  const [password, setPassword] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState('')
  const [until, setUntil] = useState(0) // when throttling ends
  const [now, setNow] = useState(Date.now)
  const wait = Math.ceil((until - now) / 1000)

  useEffect(() => {
    document.title = 'Log in · Ringwall'
  }, [])
  useEffect(() => {
    if (wait <= 0) return
    const t = setTimeout(() => setNow(Date.now()), 250)
    return () => clearTimeout(t)
  }, [wait, now])

  const submit = async () => {
    setBusy(true)
    setError('')
    try {
      onLogin(await api.login({username, password}))
    } catch (e) {
      if (e instanceof ApiError && e.status === 429) {
        setNow(Date.now())
        setUntil(Date.now() + (e.retryAfter || 30) * 1000)
      } else if (hasStatus(e, 401)) {
        setError('The user name or the password is wrong.')
      } else {
        setError(messageOf(e))
      }
    } finally {
      setBusy(false)
    }
  }

  return (
    <main className="login">
      <div className="login-form">
        <form
          onSubmit={(e) => {
            e.preventDefault()
            void submit()
          }}
        >
          <div className="row" style={{gap: 12, marginBottom: 10}}>
            <span style={{width: 36, height: 36, display: 'block'}}>
              <Logo />
            </span>
            <div>
              <h1 style={{fontSize: 20}}>Ringwall</h1>
              <div className="dim">Log in to the console</div>
            </div>
          </div>
          <TextInput
            label="User name"
            name="username"
            autoComplete="username"
            autoCapitalize="none"
            autoCorrect="off"
            spellCheck={false}
            autoFocus
            required
            withAsterisk={false}
            value={username}
            onChange={(e) => setUsername(e.currentTarget.value)}
          />
          <PasswordInput
            label="Password"
            name="password"
            autoComplete="current-password"
            required
            withAsterisk={false}
            value={password}
            onChange={(e) => setPassword(e.currentTarget.value)}
            visibilityToggleButtonProps={{'aria-label': 'Show the password'}}
          />
          <div aria-live="assertive">
            {wait > 0 ? (
              <div className="notice warn">
                <Icon name="clock" />
                <span>Too many attempts. You can try again in {wait} s.</span>
              </div>
            ) : (
              error !== '' && (
                <div className="notice bad">
                  <Icon name="warn" />
                  <span>{error}</span>
                </div>
              )
            )}
          </div>
          <Button type="submit" size="sm" fullWidth loading={busy} disabled={wait > 0}>
            Log in
          </Button>
          <p className="faint" style={{fontSize: 12}}>
            The user <b>admin</b> and its password were printed when Ringwall started for the first time.
          </p>
        </form>
      </div>
      <div className="login-art">
        <RingArt />
        <p>Every request inspected, every verdict explained, down to the byte that matched.</p>
      </div>
    </main>
  )
}

/** Rings of stones around what is worth protecting, each with its gate. */
function RingArt() {
  const rings = [70, 118, 172, 232, 300, 378]
  return (
    <svg viewBox="0 0 640 800" preserveAspectRatio="xMidYMid slice" aria-hidden="true">
      <g fill="none" stroke="#7fa2ff" strokeLinecap="butt">
        {rings.map((r, i) => {
          const stones = 10 + i * 6
          const part = (2 * Math.PI * r) / stones
          return (
            <circle
              key={r}
              cx="390"
              cy="330"
              r={r}
              strokeWidth={15 + i * 2}
              strokeDasharray={`${(part * 0.94).toFixed(2)} ${(part * 0.06).toFixed(2)}`}
              strokeOpacity={0.5 - i * 0.07}
              transform={`rotate(${i * 37} 390 330)`}
            />
          )
        })}
      </g>
      <circle cx="390" cy="330" r="26" fill="#cfdcff" />
      <g stroke="#ff7b80" strokeWidth="2.500" fill="none" strokeLinecap="round">
        <path d="M20 60 150 148M10 470 138 438M300 20 322 76" />
        <path d="M151 142v12M145 148h12M139 432v12M133 438h12M323 72v12M317 78h12" />
      </g>
      <path
        d="M640 640C560 560 470 470 408 352"
        stroke="#8fe0b4"
        strokeWidth="2.500"
        fill="none"
        strokeDasharray="1 8"
        strokeLinecap="round"
      />
    </svg>
  )
}
