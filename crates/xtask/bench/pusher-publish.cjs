// Publishes COUNT events over CHANNELS channels (news-0 …) with Pusher's own server library, ten in a call, four calls at a time.
// node pusher-publish.cjs PORT CHANNELS COUNT, run in the folder whose node_modules has the library.
'use strict';
const { createRequire } = require('node:module');
const path = require('node:path');

const load = createRequire(path.join(process.cwd(), 'package.json'));
const Pusher = load('pusher');
const [port, channels, count] = process.argv.slice(2).map(Number);
const agent = new (require('node:http').Agent)({ keepAlive: true, maxSockets: 4 });
const pusher = new Pusher({ appId: 'app-id', key: 'app-key', secret: 'app-secret', host: '127.0.0.1', port: String(port), useTLS: false, agent });

let next = 0;
async function work() {
  while (next < count) {
    const batch = [];
    for (; next < count && batch.length < 10; next += 1) {
      batch.push({ channel: `news-${next % channels}`, name: 'news', data: { n: next, title: `Order ${next} was paid` } });
    }
    const answer = await pusher.triggerBatch(batch);
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    await answer.text();
  }
}
Promise.all([work(), work(), work(), work()]).then(() => console.log(`published ${count}`), (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
