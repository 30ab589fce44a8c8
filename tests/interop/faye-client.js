// The reference Faye client, subscribed with a push object to a server of ours.
//
//   node faye-client.js URL TRANSPORT CHANNEL SIGNATURE TIMESTAMP
//
// Prints {"event":"subscribed"}, {"event":"refused","error"} or {"event":"message","data"}, one a line. Ends when its input ends.
'use strict'
const faye = require('faye')

const [url, transport, channel, signature, timestamp] = process.argv.slice(2)
const say = (event) => process.stdout.write(JSON.stringify(event) + '\n')
const client = new faye.Client(url)
// Faye shakes hands by HTTP and goes over to a WebSocket when both sides have one.
client.disable('eventsource')
if (transport !== 'websocket') client.disable('websocket')
client.addExtension({
  outgoing(message, callback) {
    if (message.channel === '/meta/subscribe') {
      message.ext = { private_pub_signature: signature, private_pub_timestamp: timestamp }
    }
    callback(message)
  },
})
client
  .subscribe(channel, (data) => say({ event: 'message', data }))
  .then(() => say({ event: 'subscribed' }), (error) => say({ event: 'refused', error: error.message }))
process.stdin.resume()
process.stdin.on('end', () => process.exit(0))
