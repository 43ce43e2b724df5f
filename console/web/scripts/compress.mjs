// Leaves a .gz and a .br beside each text file of the build, so that serving costs
// no time; console.go picks by Accept-Encoding. The page itself is left out: it
// gets a nonce with each answer.
import {readdirSync, readFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {brotliCompressSync, constants, gzipSync} from 'node:zlib'

const root = new URL('../../dist/app/', import.meta.url).pathname
for (const entry of readdirSync(root, {recursive: true})) {
  if (!/\.(js|css|svg)$/.test(entry)) continue
  const raw = readFileSync(join(root, entry))
  const gz = gzipSync(raw, {level: 9})
  if (gz.length > raw.length * 0.9) continue
  writeFileSync(join(root, entry + '.gz'), gz)
  writeFileSync(
    join(root, entry + '.br'),
    brotliCompressSync(raw, {params: {[constants.BROTLI_PARAM_QUALITY]: 10, [constants.BROTLI_PARAM_SIZE_HINT]: raw.length}}),
  )
}
