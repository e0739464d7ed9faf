// Node's ws with clocks of its own; ../strictd.py says what they are, and OPTIONS are the same.
//
//     node strict.mjs PORT OPTIONS        OPTIONS: says, idle, first, life (s) and ending, as JSON

import { WebSocketServer } from 'ws';

const [port, given] = process.argv.slice(2);
const { says, idle, first, life, ending } = JSON.parse(given);

const server = new WebSocketServer({ host: '127.0.0.1', port: Number(port) }, () => process.stdout.write('listening\n'));
server.on('connection', (client) => {
  const end = () => ending === 'fin' ? client.terminate() : client.close(...ending);
  const after = (seconds) => seconds ? setTimeout(end, seconds * 1000) : undefined;
  let patience = after(first ?? idle);
  const age = after(life);
  const talk = says ? setInterval(() => client.send('news'), says * 1000) : undefined;
  client.on('message', () => {
    clearTimeout(patience);
    patience = after(idle);
  });
  client.on('error', () => {});
  client.on('close', () => {
    clearTimeout(patience);
    clearTimeout(age);
    clearInterval(talk);
  });
});
