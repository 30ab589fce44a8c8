// An app's server side with the npm package `pusher`: takes orders on stdin, a JSON object a line, and answers on stdout.
// Arguments: port, app id, key, secret, master key of encrypted channels in Base64.
const readline = require('node:readline');
const Pusher = require('pusher');

const [port, appId, key, secret, encryptionMasterKeyBase64] = process.argv.slice(2);
const pusher = new Pusher({
  appId, key, secret, encryptionMasterKeyBase64, host: '127.0.0.1', port, useTLS: false,
});
const say = (line) => console.log(JSON.stringify(line));

const orders = {
  async authorize({ socket_id: socketId, channel, member }) {
    say({ event: 'authorized', answer: pusher.authorizeChannel(socketId, channel, member) });
  },
  async trigger({ channel, event, data }) {
    const response = await pusher.trigger(channel, event, data);
    say({ event: 'triggered', status: response.status });
  },
  // Any method of the library; an answer over HTTP is read as JSON.
  async call({ method, args }) {
    const answer = await pusher[method](...args);
    say({ event: 'answered', answer: answer && typeof answer.json === 'function' ? await answer.json() : answer });
  },
};

// One after the other, so that events keep their order.
let last = Promise.resolve();
readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const order = JSON.parse(line);
  last = last.then(() => orders[order.order](order)).catch((error) => say({ event: 'failed', status: error.status, error: `${error}` }));
});
say({ event: 'ready' });
