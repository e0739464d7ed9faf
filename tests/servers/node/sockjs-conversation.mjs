// sockjs-client holds a conversation with the echo at the URL given, or @stomp/stompjs over it with the broker there.
//
//     node sockjs-conversation.mjs echo|stomp URL TRANSPORT,…

import { Client } from '@stomp/stompjs';
import SockJS from 'sockjs-client';

const [kind, url, transports] = process.argv.slice(2);
const say = (what, more = {}) => process.stdout.write(JSON.stringify({ what, ...more }) + '\n');
const socket = () => new SockJS(url, undefined, { transports: transports.split(',') });
const closed = ({ code, reason, wasClean }) => say('closed', { code, reason, wasClean });

function echo() {
  const sock = socket();
  const texts = ['first: 你好\n', '"quoted", [and] \\', 'x'.repeat(200_000), 'end'];
  sock.onopen = () => {
    say('open', { transport: sock.transport });
    texts.forEach((text) => sock.send(text));
  };
  sock.onmessage = ({ data }) => {
    say('message', { same: data === texts.shift(), length: data.length });
    if (texts.length === 0) sock.send('the last');
    if (data === 'the last') sock.close(3001, 'enough');
  };
  sock.onclose = closed;
}

function stomp() {
  const beats = { in: 0, out: 0 };
  const client = new Client({
    webSocketFactory: socket,
    heartbeatIncoming: 300,
    heartbeatOutgoing: 300,
    reconnectDelay: 0,
    debug: (line) => {
      if (line === '<<< PONG') beats.in += 1;
      if (line === '>>> PING') beats.out += 1;
      if (beats.in >= 3 && beats.out >= 3 && client.connected) {
        say('beats');
        beats.in = beats.out = -1e9;
        void client.deactivate();
      }
    },
    onConnect: (frame) => {
      say('connected', { version: client.connectedVersion, beats: frame.headers['heart-beat'] });
      client.subscribe('/topic/greetings', ({ body }) => say('message', { body }));
      client.publish({ destination: '/topic/greetings', body: 'grüß 你好' });
    },
    onWebSocketClose: closed,
  });
  client.activate();
}

({ echo, stomp })[kind]();
