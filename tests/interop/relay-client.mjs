// Readers of other people's making at a stream of a relay of ours: npm's eventsource, and npm's smee-client, which hands on to an address.
//
//   node relay-client.mjs eventsource URL TOKEN
//   node relay-client.mjs smee URL [TOKEN]        without a token it stands in the URL
//
// Prints {"event":"open"} at each connection, {"event":"heard","type","id","data"} for every event and {"event":"forwarded","url","headers","body"}
// for every request that smee-client hands on, one a line. Ends when its input ends.
import http from 'node:http'
import { EventSource } from 'eventsource'
import SmeeClient from 'smee-client'
import { fetch } from 'undici'

const [kind, address, token] = process.argv.slice(2)
const say = (event) => process.stdout.write(JSON.stringify(event) + '\n')

// Neither client knows tokens; both take a fetch of one's own. smee-client needs it to be undici's, whose dispatcher it hands over.
const withToken = (url, options) => {
  if (!token || !String(url).startsWith(new URL(address).origin)) return fetch(url, options)
  return fetch(url, { ...options, headers: { ...options.headers, authorization: `Bearer ${token}` } })
}

function eventsource() {
  const events = new EventSource(address, { fetch: withToken })
  events.onopen = () => say({ event: 'open' })
  const hear = ({ type, lastEventId: id, data }) => say({ event: 'heard', type, id, data })
  for (const type of ['message', 'ping', 'gosmee-gap', 'belfry-oauth']) events.addEventListener(type, hear)
}

async function smee() {
  const target = http.createServer((request, response) => {
    const pieces = []
    request.on('data', (piece) => pieces.push(piece)).on('end', () => {
      const body = Buffer.concat(pieces).toString()
      say({ event: 'forwarded', url: request.url, headers: request.headers, body })
      response.end()
    })
  })
  await new Promise((listening) => target.listen(0, '127.0.0.1', listening))
  const logger = { info: () => {}, error: (error) => say({ event: 'problem', error: String(error) }) }
  const options = { source: address, target: `http://127.0.0.1:${target.address().port}/bells`, logger }
  if (token) options.fetch = withToken
  await new SmeeClient(options).start()
  say({ event: 'open' })
}

await { eventsource, smee }[kind]()
process.stdin.on('end', () => process.exit(0)).resume()
