// Node's ws: every message comes back; `close CODE REASON` and `terminate` end the connection.
// `flood COUNT SIZE` has it send that many messages of that many bytes, one every few milliseconds. With slow ({ above, code, reason })
// it gives up on a client for whom more than `above` bytes wait: by that Close, or by terminate() where there is no code.
// With tokenLasts (ms) every connection is closed at that age, with the code and reason of tokenEnd.
// With pingEvery (ms) it pings that often and terminates a client that has not answered by the next time, as ws's README does.
//
//     node ws.mjs PORT OPTIONS            OPTIONS: those and ws's own, as JSON

import { WebSocketServer } from 'ws';

const [port, given] = process.argv.slice(2);
const { pingEvery, slow, tokenLasts, tokenEnd, ...options } = JSON.parse(given);
const say = (...words) => process.stdout.write(words.join(' ') + '\n');

function flood(client, count, size) {
  if (!count || client.readyState !== client.OPEN) return;
  client.send('x'.repeat(size));
  if (slow && client.bufferedAmount > slow.above) {
    say('slow', client.bufferedAmount);
    if (slow.code) client.close(slow.code, slow.reason);
    else client.terminate();
  } else setTimeout(flood, 5, client, count - 1, size);
}

const server = new WebSocketServer({ host: '127.0.0.1', port: Number(port), ...options }, () => say('listening'));
server.on('connection', (client) => {
  client.alive = true;
  if (tokenLasts) setTimeout(() => client.close(...tokenEnd), tokenLasts);
  client.on('pong', () => { client.alive = true; });
  client.on('error', (error) => say('error', error.code));
  client.on('close', (code, reason) => say('closed', code, reason));
  client.on('message', (message, binary) => {
    const burst = message.toString().match(/^flood (\d+) (\d+)$/);
    const close = message.toString().match(/^close (\d+) (.*)$/s);
    if (close) client.close(Number(close[1]), close[2]);
    else if (burst) flood(client, Number(burst[1]), Number(burst[2]));
    else if (message.toString() === 'terminate') client.terminate();
    else client.send(message, { binary });
  });
});

if (pingEvery) {
  setInterval(() => {
    for (const client of server.clients) {
      if (!client.alive) client.terminate();
      client.alive = false;
      client.ping();
    }
  }, pingEvery);
}
