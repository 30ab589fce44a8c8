// The real Faye server with PrivatePub's signature rule, as Podio's push service is believed to use it.
//
//   node faye-server.js PORT SECRET HOLD_SECONDS
//
// Prints one JSON object a line: {"event":"listening","port"} first, then handshakes, subscriptions (granted and refused) and
// disconnects. Publishing is an HTTP form POST with the secret as private_pub_token, as PrivatePub does it. Ends when its input ends.
'use strict'
const crypto = require('crypto')
const http = require('http')
const faye = require('faye')

const [port, secret, hold] = [Number(process.argv[2]), process.argv[3], Number(process.argv[4])]
const say = (event) => process.stdout.write(JSON.stringify(event) + '\n')

const rules = {
  incoming(message, callback) {
    const ext = message.ext || {}
    if (message.channel === '/meta/subscribe') {
      const text = secret + message.subscription + ext.private_pub_timestamp
      const right = crypto.createHash('sha1').update(text).digest('hex')
      if (ext.private_pub_signature !== right) {
        message.error = 'Incorrect signature.'
        say({ event: 'refused', channel: message.subscription, timestamp: ext.private_pub_timestamp || null })
      } else {
        say({ event: 'granted', channel: message.subscription, timestamp: ext.private_pub_timestamp, client: message.clientId })
      }
    } else if (!message.channel.startsWith('/meta/')) {
      if (ext.private_pub_token !== secret) message.error = 'Incorrect token.'
      delete message.ext
    }
    callback(message)
  },
}

const adapter = new faye.NodeAdapter({ mount: '/faye', timeout: hold })
adapter.addExtension(rules)
adapter.on('handshake', (client) => say({ event: 'handshake', client }))
adapter.on('disconnect', (client) => say({ event: 'disconnect', client }))
const server = http.createServer()
adapter.attach(server)
server.listen(port, '127.0.0.1', () => say({ event: 'listening', port: server.address().port }))
process.stdin.resume()
process.stdin.on('end', () => process.exit(0))
