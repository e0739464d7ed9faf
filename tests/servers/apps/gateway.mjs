// A home-made gateway on Node's ws: who connects shows a JSON Web Token (?token=), and the gateway pushes ticks to him.
//
//     node gateway.mjs PORT OPTIONS
//
// GET /token?user=NAME&lasts=SECONDS gives a token. OPTIONS: expired ([CODE, REASON] when a token runs out),
// single ([CODE, REASON] for the older session of a user), cap ({ most, code, reason } sessions of a user),
// rate ({ most, code, reason } messages a second), shed ({ above, code, reason } clients), tick (ms between pushes),
// stop ([CODE, REASON] for everybody on SIGTERM), drain (ms it waits between one client and the next then).
// A token that is no good is answered 401; where `late` is set, the socket opens and is closed with its [CODE, REASON].

import { createServer } from 'node:http';
import jwt from 'jsonwebtoken';
import { WebSocketServer } from 'ws';

const [port, given] = process.argv.slice(2);
const { expired, single, cap, rate, shed, tick, stop, drain, late } = JSON.parse(given);
const SECRET = 'ground';
const of = new Map();

const front = createServer((request, response) => {
  const query = new URL(request.url, 'http://ground.example').searchParams;
  response.end(jwt.sign({ sub: query.get('user') }, SECRET, { expiresIn: Number(query.get('lasts')) }));
});
const server = new WebSocketServer({ noServer: true });

front.on('upgrade', (request, socket, head) => {
  const open = (then) => server.handleUpgrade(request, socket, head, then);
  let claims;
  try {
    claims = jwt.verify(new URL(request.url, 'http://ground.example').searchParams.get('token'), SECRET);
  } catch (error) {
    if (late) return open((client) => client.close(late[0], late[1] || error.message));
    return socket.end(`HTTP/1.1 401 Unauthorized\r\nContent-Length: ${error.message.length}\r\nConnection: close\r\n\r\n${error.message}`);
  }
  open((client) => admit(client, claims));
});

function admit(client, { sub, exp }) {
  const mine = of.get(sub) || of.set(sub, new Set()).get(sub);
  if (shed && server.clients.size > shed.above) return client.close(shed.code, shed.reason);
  if (cap && mine.size >= cap.most) return client.close(cap.code, cap.reason);
  if (single) mine.forEach((elder) => elder.close(...single));
  mine.add(client);
  let heard = 0;
  const timers = [setInterval(() => { heard = 0; }, 1000)];
  if (tick) timers.push(setInterval(() => client.send(JSON.stringify({ tick: Date.now() })), tick));
  if (expired) timers.push(setTimeout(() => client.close(...expired), exp * 1000 - Date.now()));
  client.on('message', (message) => {
    if (rate && ++heard > rate.most) client.close(rate.code, rate.reason);
    else client.send(JSON.stringify({ echo: message.toString() }));
  });
  client.on('close', () => { mine.delete(client); timers.forEach(clearInterval); });
  client.send(JSON.stringify({ hello: sub, until: exp }));
}

process.on('SIGTERM', async () => {
  for (const client of server.clients) {
    if (stop) client.close(...stop);
    else client.terminate();
    if (drain) await new Promise((go) => setTimeout(go, drain));
  }
  front.close(() => process.exit(0));
});
front.listen(Number(port), '127.0.0.1', () => process.stdout.write('listening\n'));
