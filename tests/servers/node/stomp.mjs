// A home-made STOMP server on Node's ws: it promises beats every beatEvery ms and stops after that many (beats). Whatever asks for a
// receipt gets one, at every time; it never looks whether its client beats.
//
//     node stomp.mjs PORT OPTIONS         OPTIONS: beatEvery, beats, wants (ms, how often it is to hear of its client), host, as JSON

import { WebSocketServer } from 'ws';

const [port, given] = process.argv.slice(2);
const { beatEvery, beats, wants = beatEvery, host = '127.0.0.1' } = JSON.parse(given);

const server = new WebSocketServer({ host, port: Number(port), handleProtocols: () => 'v12.stomp' },
  () => process.stdout.write('listening\n'));
server.on('connection', (client) => {
  let left = beats;
  const timer = setInterval(() => (left-- > 0 ? client.send('\n') : clearInterval(timer)), beatEvery);
  client.on('close', () => clearInterval(timer));
  client.on('message', (message) => {
    const frame = message.toString();
    const receipt = frame.match(/^receipt:(.*)$/m);
    if (frame.startsWith('CONNECT')) client.send(`CONNECTED\nversion:1.2\nserver:ground\nheart-beat:${beatEvery},${wants}\n\n\0`);
    else if (receipt) client.send(`RECEIPT\nreceipt-id:${receipt[1]}\n\n\0`);
  });
});
