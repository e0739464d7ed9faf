// Node's ws under the rules that applications make up. Every message comes back, unless a rule says otherwise.
//
//     node rules.mjs PORT OPTIONS
//
// OPTIONS: idle ({ after, counts, end } with counts "messages" or "bytes"), login ({ within, end }: until `login`),
// age ({ after, end }), rate ({ most, end } messages a second; without an end the surplus is dropped in silence),
// single ({ end } for the older session of the same ?user=), only ({ path: { status, headers, body } } answers there),
// and ws's own. An end is [CODE, REASON], [CODE] or "cut" (terminate) or "mute" (it stops reading, and says no more).
// What a client says: `end WHAT` does that, `grow` takes memory until there is no more, `spin MS` blocks the process.

import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

const [port, given] = process.argv.slice(2);
const { idle, login, age, rate, single, only = {}, ...options } = JSON.parse(given);
const say = (...words) => process.stdout.write(words.join(' ') + '\n');
const of = new Map();

function end(client, how) {
  say('end', JSON.stringify(how));
  if (how === 'cut') client.terminate();
  else if (how === 'mute') client._socket.pause();
  else client.close(...how);
}

function spin(ms) {
  for (const until = Date.now() + ms; Date.now() < until;);
}

function grow() {
  for (const taken = []; ; taken.push({ at: taken.length }));
}

function obey(client, message, binary) {
  const [word, ...rest] = binary ? [] : message.toString().split(' ');
  if (word === 'end') end(client, rest.length > 1 || Number(rest[0]) ? [Number(rest[0]), rest.slice(1).join(' ')] : rest[0]);
  else if (word === 'grow') grow();
  else if (word === 'spin') spin(Number(rest[0]));
  else client.send(message, { binary });
}

function admit(client, socket, user) {
  const timers = [];
  const after = (ms, how) => timers.push(setTimeout(end, ms, client, how));
  if (single && of.has(user)) end(of.get(user), single.end);
  of.set(user, client);
  if (age) after(age.after, age.end);
  let known = !login;
  if (login) after(login.within, login.end);
  const rest = idle && setTimeout(end, idle.after, client, idle.end);
  if (idle) timers.push(rest);
  if (idle?.counts === 'bytes') socket.on('data', () => rest.refresh());
  let heard = 0;
  timers.push(setInterval(() => { heard = 0; }, 1000));
  client.on('message', (message, binary) => {
    if (idle?.counts === 'messages') rest.refresh();
    if (!known && message.toString() === 'login') {
      known = true;
      clearTimeout(timers[age ? 1 : 0]);
    }
    if (!rate || ++heard <= rate.most) obey(client, message, binary);
    else if (rate.end) end(client, rate.end);
  });
  client.on('error', (error) => say('error', error.code || error.message));
  client.on('close', (code, reason) => {
    say('closed', code, reason);
    timers.forEach(clearTimeout);
    if (of.get(user) === client) of.delete(user);
  });
}

const front = createServer((request, response) => response.writeHead(404).end());
const server = new WebSocketServer({ noServer: true, ...options });
front.on('upgrade', (request, socket, head) => {
  const { pathname, searchParams } = new URL(request.url, 'http://ground.example');
  const answer = only[pathname];
  if (!answer) return server.handleUpgrade(request, socket, head, (client) => admit(client, socket, searchParams.get('user')));
  const body = answer.body || '';
  const headers = Object.entries({ 'Content-Length': body.length, Connection: 'close', ...answer.headers });
  return socket.end(`HTTP/1.1 ${answer.status}\r\n${headers.map(([key, value]) => `${key}: ${value}\r\n`).join('')}\r\n${body}`);
});
front.listen(Number(port), '127.0.0.1', () => say('listening'));
