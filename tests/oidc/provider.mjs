// A real OpenID Connect provider (oidc-provider) on loopback, for tests only.
//
// Anybody signs in under any name; what it tells of them stands in `people`. It prints its issuer, then takes
// one JSON object a line on standard input and answers each with another:
//   {"redirect": URL}   the one client, `eduops`, comes back to this address and its neighbours
//   {"people": {…}}     claims by login
//   {"sign": true}      it answers with the key that it signs by, so that a test may sign in its place
//   {"rotate": true}    other keys, the former ones gone
//   {"clock_s": N}      its clock is off by so much
//   {"down": bool}      connections are refused

import * as crypto from 'node:crypto'
import http from 'node:http'
import readline from 'node:readline'
import { Provider } from 'oidc-provider'

let people = {}
let origin = 'http://127.0.0.1:1'
let key = newKey()
let offset_ms = 0
let handle = null

const now = Date.now
Date.now = () => now() + offset_ms
console.info = console.warn = () => {} // what is meant for whoever runs it in earnest

function newKey() {
  const { privateKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' } // its kid is its thumbprint
}

function renew() {
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'eduops',
        client_secret: 'a secret:of the+client',
        redirect_uris: [`${origin}/sign-in/oidc/back`],
        post_logout_redirect_uris: [`${origin}/sign-in`],
        backchannel_logout_uri: `${origin}/sign-in/oidc/logout`,
        backchannel_logout_session_required: true,
      },
    ],
    claims: { openid: ['sub'], profile: ['preferred_username', 'groups', 'school_code'], email: ['email'] },
    findAccount: (_, login) => ({ accountId: login, claims: () => ({ sub: login, ...people[login] }) }),
    pkce: { required: () => true },
    jwks: { keys: [key] },
    cookies: { keys: ['only tests'] },
    fetch: (url, { dispatcher, ...options }) => fetch(url, options), // its own refuses loopback
    features: { devInteractions: { enabled: true }, backchannelLogout: { enabled: true } },
  })
  handle = provider.callback()
}

const server = http.createServer((request, response) => handle(request, response))
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const { port } = server.address()
const issuer = `http://127.0.0.1:${port}`
renew()
console.log(issuer)

for await (const line of readline.createInterface({ input: process.stdin })) {
  const said = JSON.parse(line)
  if (said.redirect) origin = said.redirect
  if (said.people) people = said.people
  if (said.rotate) key = newKey()
  if (said.clock_s !== undefined) offset_ms = said.clock_s * 1000
  if (said.redirect || said.rotate) renew()
  if (said.down === true) {
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    await closed
  }
  if (said.down === false) await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve))
  console.log(said.sign ? JSON.stringify({ key }) : '{}')
}
process.exit(0) // standard input is the test's: when it ends, so does the provider
