// Node's ws as teams write it: rules, and what a client says is done.
//
//     node app.cjs PORT OPTIONS
//
// Words: close [CODE [REASON]] | end | terminate | block MS | throw | reject | raw HEX | cut HEX | big BYTES | deaf
// (reads no more) | stall [CODE [REASON]] (its Close, TCP stays) | exit STATUS | pid.
// OPTIONS: sigterm ([CODE, REASON, MS until its end], or "terminate"; otherwise it dies of it), pinger ([MS, CODE, REASON]: a
// pong that is missing at the next ping; without a CODE terminate()), idle and age ([MS, CODE, REASON], likewise; CODE 0: end()),
// one and limit ([.., CODE, REASON]), slow ([BYTES, CODE, REASON]), feed (MS), refuse ({PATH: [STATUS, TEXT, HEADERS]}),
// workers (of a cluster, started anew MS after their end: [COUNT, MS]), and ws's own.

const cluster = require('node:cluster');
const http = require('node:http');
const { WebSocketServer } = require('ws');

const [port, given] = process.argv.slice(2);
const { sigterm, pinger, idle, age, one, limit, slow, feed, refuse, workers, ...options } = JSON.parse(given);
const say = (...words) => process.stdout.write(words.join(' ') + '\n');

function part(client, code, reason) {
  if (code) client.close(code, reason);
  else if (code === 0) client._socket.end();
  else client.terminate();
}

function serve() {
  const front = http.createServer((request, answer) => answer.writeHead(426, { Upgrade: 'websocket' }).end('Upgrade Required'));
  const server = new WebSocketServer({ noServer: true, ...options });
  const users = new Map();
  front.on('upgrade', (request, socket, head) => {
    const { pathname } = new URL(request.url, 'http://ground.example');
    const no = refuse && refuse[pathname];
    if (no) {
      const more = Object.entries(no[2] || {}).map(([name, value]) => `${name}: ${value}\r\n`).join('');
      socket.end(`HTTP/1.1 ${no[0]} ${http.STATUS_CODES[no[0]]}\r\n${more}Content-Length: ${no[1].length}\r\nConnection: close\r\n\r\n${no[1]}`);
    } else server.handleUpgrade(request, socket, head, (client) => server.emit('connection', client, request));
  });
  server.on('connection', (client, request) => {
    let heard = 0;
    let rest;
    const later = () => {
      clearTimeout(rest);
      rest = setTimeout(() => part(client, idle[1], idle[2]), idle[0]);
    };
    if (idle) later();
    if (age) setTimeout(() => part(client, age[1], age[2]), age[0]);
    if (limit) setInterval(() => { heard = 0; }, 1000).unref();
    if (feed) setInterval(() => client.readyState === 1 && client.send(JSON.stringify({ tick: Date.now() % 1000 })), feed).unref();
    client.alive = true;
    client.on('pong', () => { client.alive = true; });
    client.on('error', (error) => say('error', error.code));
    client.on('close', (code, reason) => say('closed', code, reason));
    client.on('message', (message, binary) => {
      if (idle) later();
      const [word, first, ...more] = message.toString().split(' ');
      if (limit && ++heard > limit[0]) return client.close(limit[1], limit[2]);
      switch (word) {
        case 'close': return client.close(first && Number(first), more.join(' '));
        case 'end': return client._socket.end();
        case 'terminate': return client.terminate();
        case 'block': { const end = Date.now() + Number(first); while (Date.now() < end); return undefined; }
        case 'throw': throw new TypeError("Cannot read properties of undefined (reading 'id')");
        case 'reject': Promise.reject(new Error('ECONNRESET redis')); return undefined;
        case 'raw': return client._socket.write(Buffer.from(first, 'hex'));
        case 'cut': return client._socket.end(Buffer.from(first, 'hex'));
        case 'big': return client.send('y'.repeat(Number(first)));
        case 'deaf': return client._socket.pause();
        case 'stall': client._socket.end = () => {}; client._socket.destroy = () => {}; return client.close(Number(first), more.join(' '));
        case 'pid': return client.send(String(process.pid));
        case 'exit': return process.exit(Number(first));
        case 'flood': {
          let left = Number(first);
          const next = () => {
            if (!left-- || client.readyState !== 1) return;
            client.send('x'.repeat(Number(more[0])));
            if (slow && client.bufferedAmount > slow[0]) part(client, slow[1], slow[2]);
            else setTimeout(next, 5);
          };
          return next();
        }
        default: return client.send(message, { binary });
      }
    });
    if (one) {
      const user = new URL(request.url, 'http://ground.example').searchParams.get('user');
      users.get(user)?.close(...one);
      users.set(user, client);
    }
  });
  if (pinger) {
    setInterval(() => server.clients.forEach((client) => {
      if (!client.alive) return part(client, pinger[1], pinger[2]);
      client.alive = false;
      return client.ping();
    }), pinger[0]);
  }
  if (sigterm) {
    process.on('SIGTERM', () => {
      server.clients.forEach((client) => (sigterm === 'terminate' ? client.terminate() : client.close(sigterm[0], sigterm[1])));
      front.close();
      setTimeout(() => process.exit(0), sigterm[2] || 200);
    });
  }
  front.listen(Number(port), '127.0.0.1', () => say('listening'));
}

if (workers && cluster.isPrimary) {
  const fork = () => cluster.fork().on('exit', () => setTimeout(fork, workers[1]));
  for (let count = 0; count < workers[0]; count += 1) fork();
} else serve();
