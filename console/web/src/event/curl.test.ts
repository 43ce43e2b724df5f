import {spawnSync} from 'node:child_process'
import {mkdtempSync, readFileSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import type {Event} from '../api/gen'
import {curlCommand, printfBytes, shellQuote} from './curl'

// Stands in for curl: writes its arguments and, where it is told to read it, its input.
const folder = mkdtempSync(join(tmpdir(), 'curl-'))
writeFileSync(
  join(folder, 'curl'),
  `#!${process.execPath}
const fs = require('node:fs'), args = process.argv.slice(2)
const input = args.includes('@-') ? fs.readFileSync(0).toString('hex') : ''
fs.writeFileSync(${JSON.stringify(join(folder, 'seen'))}, JSON.stringify({args, input}))
`,
  {mode: 0o755},
)

function run(shell: string, command: string): {args: string[]; input: string} {
  // bash reads its start-up files when its input is a socket, as it is here.
  const r = spawnSync(shell, shell === 'bash' ? ['--norc', '-c', command] : ['-c', command], {
    env: {PATH: folder + ':/usr/bin:/bin'},
    encoding: 'utf8',
  })
  expect(r.stderr).toBe('')
  expect(r.status).toBe(0)
  return JSON.parse(readFileSync(join(folder, 'seen'), 'utf8'))
}

const nasty = [
  "it's",
  '!bang !! !$',
  'two\nlines\r\n',
  '$(id) `id` ${HOME}',
  '"quoted" \\n \\',
  '* ? [a] {a,b} ~',
  '; rm x & | > <',
  '',
  ' ',
  '-X',
  '=ls',
  '#no',
  'ünï 日本 😀',
  "'\\''",
  '\t\x07\x1b',
  '%00',
  '@file',
]

describe.each(['sh', 'bash'])('%s', (shell) => {
  it.each(nasty)('reads %j back', (s) => {
    expect(run(shell, 'curl ' + shellQuote(s)).args).toEqual([s])
  })
  it('writes every byte', () => {
    const all = Uint8Array.from({length: 256}, (_, i) => i)
    expect(run(shell, printfBytes(all) + ' | curl --data-binary @-').input).toBe(Buffer.from(all).toString('hex'))
    for (const text of ['-n', '%s %d', '\\x41', "'", '']) {
      expect(run(shell, printfBytes(Buffer.from(text)) + ' | curl --data-binary @-').input).toBe(Buffer.from(text).toString('hex'))
    }
  })
  it('reads a whole command back', () => {
    const e = event({
      method: 'PUT',
      path: "/a'b/../c",
      query: 'q=[1-3]&x={a,b}!',
      headers: [
        {name: 'Authorization', value: '[secret]'},
        {name: 'Content-Length', value: '9'},
        {name: 'Content-Type', value: 'text/plain'},
        {name: 'Host', value: 'shop.example'},
        {name: 'X-Empty', value: ''},
        {name: 'X-Evil', value: "'; touch /tmp/x; '"},
      ],
      body: Buffer.from("it's\n@me").toString('base64'),
      body_bytes: 8,
    })
    const {args} = run(shell, curlCommand(e))
    expect(args).toEqual([
      '--globoff',
      '--path-as-is',
      '-X',
      'PUT',
      "https://shop.example/a'b/../c?q=[1-3]&x={a,b}!",
      '-H',
      'Content-Type: text/plain',
      '-H',
      'X-Empty;',
      '-H',
      "X-Evil: '; touch /tmp/x; '",
      '--data-raw',
      "it's\n@me",
    ])
    expect(curlCommand(e)).toContain('# Authorization is left out')
  })
  it('pipes a binary body and says when it was cut', () => {
    const e = event({method: 'POST', body: Buffer.from([0, 0x27, 0xff]).toString('base64'), body_bytes: 900})
    const {args, input} = run(shell, curlCommand(e))
    expect(input).toBe('0027ff')
    expect(args).toEqual(['--globoff', '--path-as-is', 'https://shop.example/', '-H', 'Content-Type:', '--data-binary', '@-'])
    expect(curlCommand(e)).toContain('# only the first 3 of 900')
  })
})

it('leaves plain words as they are', () => {
  expect(shellQuote('https://a.example/x?y=1'.replace('?', '%3F'))).toBe('https://a.example/x%3Fy=1')
  expect(curlCommand(event({method: 'HEAD'}))).toContain('--head')
  expect(curlCommand(event({method: 'GET'}))).not.toContain('-X')
})

function event(request: Partial<Event['request']>): Event {
  return {
    request: {method: 'GET', scheme: 'https', host: 'shop.example', path: '/', query: '', protocol: 'HTTP/1.1', body_bytes: 0, ...request},
  } as Event
}
