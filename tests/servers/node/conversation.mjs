// @stomp/stompjs holds a conversation with the broker at the URL given; what happens goes to stdout, a JSON line each.
//
//     node conversation.mjs URL [PASSCODE]

import { Client, Versions } from '@stomp/stompjs';
import { WebSocket } from 'ws';

const [url, passcode = 'secret'] = process.argv.slice(2);
const say = (what, more = {}) => process.stdout.write(JSON.stringify({ what, ...more }) + '\n');

/** Resolves with the first value `arrive` is called with. */
function once() {
  let arrive;
  const promise = new Promise((resolve) => { arrive = resolve; });
  return { promise, arrive };
}

/** Hands out what is put in, in order, to whoever waits. */
class Mailbox {
  #kept = [];
  #waiting = [];
  put = (one) => (this.#waiting.length ? this.#waiting.shift()(one) : this.#kept.push(one));
  take = () => (this.#kept.length ? Promise.resolve(this.#kept.shift()) : new Promise((next) => this.#waiting.push(next)));
}

const beats = { in: 0, out: 0 };
const beaten = once();
const [connected, closed] = [once(), once()];

const client = new Client({
  webSocketFactory: () => new WebSocket(url, Versions.default.protocolVersions()),
  connectHeaders: { login: 'bob', passcode },
  heartbeatIncoming: 300,
  heartbeatOutgoing: 300,
  reconnectDelay: 0,
  debug: (line) => {
    if (line === '<<< PONG') beats.in += 1;
    if (line === '>>> PING') beats.out += 1;
    if (beats.in >= 3 && beats.out >= 3) beaten.arrive();
  },
  onConnect: connected.arrive,
  onStompError: (frame) => say('error', { message: frame.headers.message, body: frame.body }),
  onWebSocketClose: closed.arrive,
});

/** Sends one frame that asks for a receipt, and waits for it. */
async function receipted(id, send) {
  const got = once();
  client.watchForReceipt(id, got.arrive);
  send({ receipt: id });
  const { headers } = await got.promise;
  say('receipt', { id: headers['receipt-id'] });
}

async function converse() {
  const { headers } = await connected.promise;
  say('connected', { version: client.connectedVersion, beats: headers['heart-beat'] });

  const inbox = new Mailbox();
  let subscription;
  await receipted('subscribed', (asked) => {
    subscription = client.subscribe('/queue/work', inbox.put, { id: 's-1', ack: 'client-individual', ...asked });
  });

  // No backslash: stompjs unescapes one sequence after the other and reads `\\c`, a backslash and a c, as `\:`.
  client.publish({ destination: '/queue/work', body: 'first: 你好', headers: { note: 'a:b\nd' } });
  const first = await inbox.take();
  say('message', { body: first.body, note: first.headers.note });
  first.ack();

  client.publish({ destination: '/queue/work', binaryBody: new Uint8Array([97, 0, 98]) });
  const binary = await inbox.take();
  say('message', { bytes: [...binary.binaryBody] });
  binary.nack();
  const again = await inbox.take();
  say('message', { bytes: [...again.binaryBody], redelivered: again.headers.redelivered });
  again.ack();

  const kept = client.begin();
  client.publish({ destination: '/queue/work', body: 'committed', headers: { transaction: kept.id } });
  const dropped = client.begin();
  client.publish({ destination: '/queue/work', body: 'aborted', headers: { transaction: dropped.id } });
  dropped.abort();
  kept.commit();
  const committed = await inbox.take();
  say('message', { body: committed.body });
  await receipted('acknowledged', (asked) => committed.ack(asked));

  await beaten.promise;
  say('beats');
  subscription.unsubscribe();
  await client.deactivate();
}

client.activate();
await Promise.race([converse(), closed.promise]);
const { code, reason, wasClean } = await closed.promise;
say('closed', { code, reason, wasClean });
