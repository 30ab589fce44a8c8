// A Bayeux client of someone else's making: subscribes with a signed push object, says each new notification on stdout.
// node peer.cjs LIBRARY PUSH_URL PUSH_OBJECT, run in the folder whose node_modules has the library.
'use strict';
const { createRequire } = require('node:module');
const path = require('node:path');

const load = createRequire(path.join(process.cwd(), 'package.json'));
const [library, url, push] = process.argv.slice(2);
const { channel, signature, timestamp } = JSON.parse(push);
const ext = { private_pub_signature: signature, private_pub_timestamp: timestamp };

const say = (event) => process.stdout.write(`${JSON.stringify({ event })}\n`);
// A push also brings new counts; only the notification itself is what is timed.
const take = (message) => {
  if (message?.data?.event === 'notification_create') say('message');
};
const fail = (why) => {
  process.stderr.write(`${why}\n`);
  process.exit(1);
};

function faye() {
  const client = new (load('faye').Client)(url);
  client.addExtension({
    outgoing(message, callback) {
      if (message.channel === '/meta/subscribe') message.ext = { ...message.ext, ...ext };
      callback(message);
    },
  });
  client.subscribe(channel, take).then(() => say('subscribed'), (error) => fail(error.message));
}

function cometd() {
  load('cometd-nodejs-client').adapt();
  const client = new (load('cometd').CometD)();
  client.configure({ url, logLevel: 'error' });
  client.handshake((reply) => {
    if (!reply.successful) fail(JSON.stringify(reply));
    client.subscribe(channel, (message) => take(message.data), { ext }, (answer) => {
      if (!answer.successful) fail(JSON.stringify(answer));
      say('subscribed');
    });
  });
}

({ faye, cometd })[library]();
