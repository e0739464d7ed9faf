// faye-websocket, which says back every message; `close CODE REASON` ends the connection, `crash` the process.
//
//     node faye.mjs PORT OPTIONS             OPTIONS: the library's own, such as ping (s) and maxLength (bytes)

import { createServer } from 'node:http';
import WebSocket from 'faye-websocket';

const [port, given] = process.argv.slice(2);
const front = createServer((request, response) => response.writeHead(426).end('Upgrade Required'));
front.on('upgrade', (request, socket, body) => {
  const client = new WebSocket(request, socket, body, [], JSON.parse(given));
  client.on('message', ({ data }) => {
    const [word, code, ...reason] = data.toString().split(' ');
    if (word === 'close') client.close(Number(code), reason.join(' '));
    else if (word === 'crash') setImmediate(() => { throw new TypeError('undefined is not a function'); });
    else client.send(data);
  });
  client.on('close', ({ code, reason }) => process.stdout.write(`closed ${code} ${reason}\n`));
});
front.listen(Number(port), '127.0.0.1', () => process.stdout.write('listening\n'));
