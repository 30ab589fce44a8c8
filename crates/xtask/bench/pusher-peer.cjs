// Pusher's own client as a peer: subscribes CHANNELS channels (news-0 …) on one connection and counts what comes.
// node pusher-peer.cjs PORT CHANNELS COUNT, run in the folder whose node_modules has the library.
'use strict';
const { createRequire } = require('node:module');
const fs = require('node:fs');
const path = require('node:path');

const load = createRequire(path.join(process.cwd(), 'package.json'));
const Pusher = load('pusher-js');
const [port, channels, count] = process.argv.slice(2).map(Number);

const pusher = new Pusher('app-key', {
  wsHost: '127.0.0.1', wsPort: port, forceTLS: false, enabledTransports: ['ws'], disableStats: true, cluster: '',
});
let subscribed = 0;
let heard = 0;
let first = 0n;
const take = () => {
  if (heard === 0) first = process.hrtime.bigint();
  heard += 1;
  if (heard === count) report();
};
for (let n = 0; n < channels; n += 1) {
  const channel = pusher.subscribe(`news-${n}`);
  channel.bind('pusher:subscription_succeeded', () => {
    subscribed += 1;
    if (subscribed === channels) console.log(`subscribed ${subscribed}`);
  });
  channel.bind('news', take);
}

function report() {
  const seconds = Number(process.hrtime.bigint() - first) / 1e9;
  const { user, system } = process.cpuUsage();
  const pss = /^Pss:\s+(\d+)/m.exec(fs.readFileSync('/proc/self/smaps_rollup', 'utf8'))[1];
  console.log(`heard ${heard} in ${seconds.toFixed(3)} s, ${((user + system) / 1e6).toFixed(2)} s of processor, ${pss} KiB PSS`);
  process.exit(0);
}
