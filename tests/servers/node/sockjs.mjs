// sockjs-node at /echo: every message comes back; `close CODE REASON` ends the session.
//
//     node sockjs.mjs PORT OPTIONS        OPTIONS: sockjs-node's own, as JSON

import { createServer } from 'node:http';
import sockjs from 'sockjs';

const [port, options] = process.argv.slice(2);
const say = (...words) => process.stdout.write(words.join(' ') + '\n');

const service = sockjs.createServer({ prefix: '/echo', log: (severity, line) => say(severity, line), ...JSON.parse(options) });
service.on('connection', (connection) => {
  say('open', connection.protocol);
  connection.on('data', (message) => {
    const close = message.match(/^close (\d+) (.*)$/s);
    if (close) connection.close(Number(close[1]), close[2]);
    else connection.write(message);
  });
  connection.on('close', () => say('closed', connection.protocol));
});

const server = createServer();
service.installHandlers(server);
server.listen(Number(port), '127.0.0.1', () => say('listening'));
