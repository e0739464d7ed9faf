// A service on Node's ws or on sockjs-node as a team writes it, and a door at which the test tells it what to do.
//
//     node shop.cjs OPTIONS
//
// OPTIONS: host, port, ctl (a Unix socket: JSON lines, each an act), speaks (sockjs; otherwise ws), bye (what SIGTERM has it do:
// [CODE, REASON, MS until it exits]), feed ({ every, text, times }: news for everybody), beat ({ every, text, misses, end }: an
// application's own ping, answered by `pong`), knock ({ every, end }: ws's README, its pings), idle and age ({ after,
// end }), rate ({ most, end } a second), slow ({ above, end } bytes that wait), single ({ end }), only ({ path: [status,
// headers, body] } or "never"), dies (a message at which it throws), grows (one at which it takes memory until there is
// none), workers (a cluster of so many), and ws's own. An end is [CODE, REASON], "terminate", "end" or "reset".
'use strict';
const cluster = require('node:cluster');
const { createServer } = require('node:http');
const net = require('node:net');

const { host, port, ctl, speaks, bye, feed, beat, knock, idle, age, rate, slow, single, only = {}, dies, grows, workers,
  sockjs: sockjsOptions, ...options } = JSON.parse(process.argv[2]);
const say = (...words) => process.stdout.write(words.join(' ') + '\n');

if (workers && cluster.isPrimary) {
  for (let n = 0; n < workers; n++) cluster.fork();
  cluster.on('exit', (worker, code, signal) => { say('worker', worker.process.pid, code, signal); cluster.fork(); });
  let up = 0;
  cluster.on('listening', () => { if (++up === workers) say('listening'); });
} else serve();

function serve() {
  const clients = new Map();
  let count = 0;
  const socketOf = (client) => client._socket || client._session?.recv?.thingy || client._session?.recv?.response?.socket;

  function end(client, how) {
    if (how === 'terminate') client.terminate ? client.terminate() : client.destroy();
    else if (how === 'end') client._socket.end();
    else if (how === 'reset') client._socket.resetAndDestroy();
    else client.close(...how);
  }

  function news() {
    for (const client of clients.values()) {
      if (client.readyState !== 1 || client.quiet) continue;
      (client.send || client.write).call(client, feed.text.repeat(feed.times || 1));
      if (slow && client.bufferedAmount > slow.above) { say('slow'); client.quiet = true; end(client, slow.end); }
    }
  }

  function admit(client, user) {
    if (single && clients.has(user)) end(clients.get(user), single.end);
    clients.set(user, client);
    say('in', user, process.pid);
    let misses = 0, heard = 0;
    client.alive = true;
    const timers = [];
    const rest = idle && setTimeout(end, idle.after, client, idle.end);
    if (age) timers.push(setTimeout(end, age.after, client, age.end));
    if (rate) timers.push(setInterval(() => { heard = 0; }, 1000));
    if (beat) timers.push(setInterval(() => {
      if (misses++ >= beat.misses) end(client, beat.end);
      else client.send(beat.text);
    }, beat.every));
    if (knock) timers.push(setInterval(() => {
      if (!client.alive) return end(client, knock.end || 'terminate');
      client.alive = false;
      client.ping();
    }, knock.every));
    client.on('pong', () => { client.alive = true; });
    client.on('error', (error) => say('error', error.code || error.message));
    client.on('close', (code, reason) => {
      say('out', user, code, reason);
      timers.forEach(clearTimeout);
      clearTimeout(rest);
      if (clients.get(user) === client) clients.delete(user);
    });
    client.on(client.send ? 'message' : 'data', (message, binary) => {
      const text = message.toString();
      rest?.refresh();
      if (text === 'pong') { misses = 0; return; }
      if (rate && ++heard > rate.most) return rate.end && end(client, rate.end);
      if (text === dies) setImmediate(() => { throw new TypeError("Cannot read properties of undefined (reading 'id')"); });
      else if (text === grows) for (const taken = []; ; taken.push({ at: taken.length }));
      else if (client.send) client.send(message, { binary });
      else client.write(text);
    });
  }

  const front = createServer((request, response) => {
    const answer = only[request.url.split('?')[0]];
    if (answer === 'never') return;
    const [status, headers, body] = answer || [404, {}, 'Cannot GET'];
    response.writeHead(status, headers).end(body);
  });
  if (speaks === 'sockjs') {
    const service = require('sockjs').createServer({ prefix: '/echo', log: () => {}, ...sockjsOptions });
    service.on('connection', (client) => admit(client, String(++count)));
    service.installHandlers(front);
  } else {
    const { WebSocketServer } = require('ws');
    const server = new WebSocketServer({ noServer: true, ...options });
    front.on('upgrade', (request, socket, head) => {
      const { pathname, searchParams } = new URL(request.url, 'http://shop.example');
      const answer = only[pathname];
      if (answer === 'never') return undefined;
      if (answer) {
        const [status, headers, body] = answer;
        const lines = Object.entries({ 'Content-Length': Buffer.byteLength(body), Connection: 'close', ...headers });
        return socket.end(`HTTP/1.1 ${status}\r\n${lines.map(([key, value]) => `${key}: ${value}\r\n`).join('')}\r\n${body}`);
      }
      return server.handleUpgrade(request, socket, head, (client) => admit(client, searchParams.get('user') || String(++count)));
    });
  }
  if (feed) setInterval(news, feed.every);

  const acts = {
    end: (client, { how }) => end(client, how),
    say: (client, { text }) => (client.send || client.write).call(client, text),
    large: (client, { bytes }) => client.send('x'.repeat(bytes)),
    raw: (client, { hex }) => client._socket.write(Buffer.from(hex, 'hex')),
    cut: (client, { hex }) => client._socket.end(Buffer.from(hex, 'hex')),
    deaf: (client) => client._socket._handle.readStop(),
    quiet: (client) => { client.quiet = true; },
    // its Close, and TCP is never ended by it
    stall: (client, { code, reason }) => {
      client._socket.end = () => {};
      client._socket.destroy = () => {};
      client.close(code, reason);
    },
  };
  if (ctl) {
    require('node:fs').rmSync(ctl, { force: true });
    net.createServer((told) => {
      let buffer = '';
      told.on('data', (data) => {
        buffer += data;
        if (!buffer.endsWith('\n')) return;
        const { act, users, ...words } = JSON.parse(buffer);
        buffer = '';
        told.end('done\n');
        if (act === 'block') { for (const until = Date.now() + words.ms; Date.now() < until;); return; }
        if (act === 'throw') setImmediate(() => { throw new Error(words.text); });
        else if (act === 'exit') process.exit(words.code);
        else for (const user of users || [...clients.keys()]) if (clients.has(user)) acts[act](clients.get(user), words);
      });
    }).listen(ctl);
  }
  if (bye) {
    process.on('SIGTERM', () => {
      front.close();
      for (const client of clients.values()) client.close(bye[0], bye[1]);
      setTimeout(() => process.exit(0), bye[2]);
    });
  }
  front.listen(port, host, () => workers || say('listening'));
}
