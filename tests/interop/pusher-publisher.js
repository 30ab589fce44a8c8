// Pusher's own server library against the HTTP API of a server of ours.
//
//   node pusher-publisher.js URL APP_ID KEY, with the secret and the base64 of the master key as the first two lines of its input
//
// Every further line is a call, [method, …arguments], of the library: ["trigger", "news", "posted", {"n": 1}]. Answered by one line
// each: {"event":"done","answer"} or {"event":"failed","status","error"}. Ends when its input ends.
'use strict'
const readline = require('readline')
const Pusher = require('pusher')

const [address, appId, key] = process.argv.slice(2)
const url = new URL(address)
const say = (event) => process.stdout.write(JSON.stringify(event) + '\n')

async function answer(library, [method, ...parameters]) {
  const answered = await library[method](...parameters)
  if (answered && typeof answered.json === 'function') return answered.json()
  return answered
}

async function run() {
  let secret, library
  for await (const line of readline.createInterface({ input: process.stdin })) {
    if (secret === undefined) {
      secret = line
    } else if (library === undefined) {
      library = new Pusher({ appId, key, secret, host: url.hostname, port: url.port, useTLS: false, encryptionMasterKeyBase64: line })
    } else {
      try {
        say({ event: 'done', answer: await answer(library, JSON.parse(line)) })
      } catch (error) {
        say({ event: 'failed', status: error.status, error: String(error.message) })
      }
    }
  }
}

run()
