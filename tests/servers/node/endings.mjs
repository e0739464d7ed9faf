// Node's ws in a program that ends its clients in every way a program can. What it hears is what it does:
//
//     close [CODE [REASON]]    ends the speaker in order; `everybody` and `others` (all but the speaker) likewise
//     terminate | reset        ends TCP without a word, with FIN or with RST; `terminate-everybody` likewise
//     raw HEX | cut HEX        bytes under the framing; `cut` ends TCP after them
//     hang [CODE [REASON]]     its Close, and then the process stands still, TCP open
//     hang-when-answered       the process stands still once it has answered the speaker's Close
//     flood BYTES              a binary message of that length; `flood-others` likewise to all but the speaker
//     exit | throw             its process ends, in order or by an exception nobody catches
//
// anything else comes back. SIGTERM closes every client with 1001 and ends the process.
//
//     node endings.mjs PORT OPTIONS
//
// OPTIONS: cert and key (files: TLS), ca (a file: whom TLS clients must be certified by), tlsVersion (the only one),
// origins (others are answered 403), expires ([MS, CODE, REASON] after the opening), limit ([MESSAGES a second, CODE, REASON]), one ([CODE, REASON] for
// the older of two of the same ?user=), and ws's own.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { WebSocketServer } from 'ws';

const [port, given] = process.argv.slice(2);
const { cert, key, ca, tlsVersion, origins, expires, limit, one, ...options } = JSON.parse(given);
const say = (...words) => process.stdout.write(words.join(' ') + '\n');

if (origins) options.verifyClient = ({ origin }, done) => done(origins.includes(origin), 403, 'Forbidden');
const read = (file) => file && readFileSync(file);
const tls = { cert: read(cert), key: read(key), ca: read(ca), requestCert: Boolean(ca), minVersion: tlsVersion, maxVersion: tlsVersion };
const front = cert ? createSecureServer(tls) : createServer();
const server = new WebSocketServer({ server: front, ...options });
const users = new Map();

const commands = {
  close: (client, code, reason) => client.close(code, reason),
  everybody: (_, code, reason) => server.clients.forEach((client) => client.close(code, reason)),
  others: (me, code, reason) => server.clients.forEach((client) => client === me || client.close(code, reason)),
  hang: (client, code, reason) => {
    client.close(code, reason);
    setImmediate(() => process.kill(process.pid, 'SIGSTOP'));
  },
};
const acts = {
  terminate: (client) => client.terminate(),
  'terminate-everybody': () => server.clients.forEach((client) => client.terminate()),
  reset: (client) => client._socket.resetAndDestroy(),
  raw: (client, hex) => client._socket.write(Buffer.from(hex, 'hex')),
  cut: (client, hex) => client._socket.end(Buffer.from(hex, 'hex')),
  flood: (client, bytes) => client.send(Buffer.alloc(Number(bytes))),
  'flood-others': (me, bytes) => server.clients.forEach((client) => client === me || acts.flood(client, bytes)),
  'hang-when-answered': (client) => client._receiver.on('conclude', () => process.kill(process.pid, 'SIGSTOP')),
  exit: () => process.exit(1),
  throw: () => { throw new Error('the program is at its end'); },
};

server.on('connection', (client, request) => {
  let heard = 0;
  client.on('error', (error) => say('error', error.code));
  client.on('close', (code, reason) => say('closed', code, reason));
  client.on('message', (message, binary) => {
    const [word, argument, ...rest] = message.toString().split(' ');
    if (limit && ++heard > limit[0]) client.close(limit[1], limit[2]);
    else if (commands[word]) commands[word](client, argument && Number(argument), rest.join(' '));
    else if (acts[word]) acts[word](client, argument);
    else client.send(message, { binary });
  });
  if (limit) setInterval(() => { heard = 0; }, 1000).unref();
  if (expires) setTimeout(() => client.close(expires[1], expires[2]), expires[0]);
  if (one) {
    const user = new URL(request.url, 'http://ground.example').searchParams.get('user');
    users.get(user)?.close(...one);
    users.set(user, client);
  }
});

process.on('SIGTERM', () => {
  server.clients.forEach((client) => client.close(1001, 'shutting down'));
  server.close();
  front.close(() => process.exit(0));
});
front.listen(Number(port), '127.0.0.1', () => say('listening'));
