// Podio's own JavaScript client against a server of ours: signs in by password, reads /user/status, subscribes with its push object.
//
//   node podio-client.js PORT CLIENT_ID USERNAME, with two lines on its input: client secret, password
//
// podio-js derives the push host from the API's by its sub-domain, so the API is called api.localtest.me; the name is looked up here
// and not in the net. Prints {"event":"subscribed"}, {"event":"message","data"} or {"event":"failed","error"}, one a line. Ends when its
// input ends.
'use strict'
const dns = require('dns')
const readline = require('readline')

const lookup = dns.lookup
dns.lookup = (name, options, callback) => {
  if (!name.endsWith('.localtest.me')) return lookup(name, options, callback)
  const done = typeof options === 'function' ? options : callback
  return options && options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4)
}
const Podio = require('podio-js').api

const [port, clientId, username] = process.argv.slice(2)
const say = (event) => process.stdout.write(JSON.stringify(event) + '\n')
const failed = (error) => say({ event: 'failed', error: String((error && error.message) || error) })

const secrets = []
readline.createInterface({ input: process.stdin }).on('line', (line) => {
  secrets.push(line)
  if (secrets.length === 2) signIn(...secrets)
}).on('close', () => process.exit(0))

function signIn(clientSecret, password) {
  const podio = new Podio({ authType: 'password', clientId, clientSecret }, { apiURL: `http://api.localtest.me:${port}`, enablePushService: true })
  podio.authenticateWithCredentials(username, password, (error) => {
    if (error) return failed(error)
    podio.request('get', '/user/status')
      .then((status) => podio.push(status.push).subscribe((data) => say({ event: 'message', data })))
      .then(() => say({ event: 'subscribed' }))
      .catch(failed)
  })
}
