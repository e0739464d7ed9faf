// graphql-ws on Node's ws: `hello` answers, `ticks` counts the seconds. The user `bert` may not connect; for `broken`
// its onConnect fails.
//
//     node graphql.mjs PORT OPTIONS       OPTIONS: keepAlive (ms between pings) and graphql-ws's own

import { buildSchema } from 'graphql';
import { handleProtocols } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';

const [port, given] = process.argv.slice(2);
const { keepAlive = 12000, ...options } = JSON.parse(given);
const say = (...words) => process.stdout.write(words.join(' ') + '\n');

async function* ticks() {
  for (let ticks = 1; ; ticks += 1) {
    await new Promise((resume) => setTimeout(resume, 1000));
    yield { ticks };
  }
}

const server = new WebSocketServer({ host: '127.0.0.1', port: Number(port), handleProtocols }, () => say('listening'));
useServer({
  schema: buildSchema('type Query { hello: String } type Subscription { ticks: Int }'),
  roots: { query: { hello: () => 'hello' }, subscription: { ticks } },
  onConnect: ({ connectionParams }) => {
    if (connectionParams?.user === 'broken') throw new Error('no way to the user database');
    return connectionParams?.user !== 'bert';
  },
  ...options,
}, server, keepAlive);
