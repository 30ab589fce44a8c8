// Pusher's own JavaScript client against a server of ours: connects, subscribes, and says what happens.
//
//   node pusher-client.js URL KEY CHANNEL…, the auth endpoint being URL/pusher/auth
//
// Prints {"event":"state","state","socket_id"}, {"event":"problem","error"} for errors of the connection, and for everything a
// channel tells, subscription included, {"event":"told","channel","name","data"}, one a line. A line {"channel","name","data"} on its
// input is triggered as a client event. Ends when its input ends.
'use strict'
const readline = require('readline')
const Pusher = require('pusher-js')

const [address, key, ...channels] = process.argv.slice(2)
const url = new URL(address)
const say = (event) => process.stdout.write(JSON.stringify(event) + '\n')

const pusher = new Pusher(key, {
  cluster: '',
  wsHost: url.hostname,
  wsPort: Number(url.port),
  forceTLS: false,
  enabledTransports: ['ws'],
  enableStats: false,
  channelAuthorization: { endpoint: `${address}/pusher/auth`, transport: 'ajax' },
  userAuthentication: { endpoint: `${address}/pusher/user-auth`, transport: 'ajax' },
})
pusher.connection.bind('state_change', ({ current }) => say({ event: 'state', state: current, socket_id: pusher.connection.socket_id }))
pusher.connection.bind('error', (error) => say({ event: 'problem', error }))
for (const name of channels) {
  const channel = pusher.subscribe(name)
  channel.bind_global((event, data) => {
    const members = data && data.members ? { members: data.members, count: data.count, me: data.myID } : data
    say({ event: 'told', channel: name, name: event, data: members })
  })
}
readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const wish = JSON.parse(line)
  if (wish.signin) return pusher.signin()
  pusher.channel(wish.channel).trigger(wish.name, wish.data)
}).on('close', () => process.exit(0))
pusher.bind_global((name) => { if (name === 'pusher:signin_success') say({ event: 'signed_in' }) })
