// stomp-broker-js: a STOMP broker over WebSocket at /stomp. SIGTERM ends its HTTP server and the process.
//
//     node stompbroker.mjs PORT OPTIONS   OPTIONS: heartbeat ([ms, ms]) and its others

import { createServer } from 'node:http';
import StompServer from 'stomp-broker-js';

const [port, given] = process.argv.slice(2);
const front = createServer();
new StompServer({ server: front, path: '/stomp', ...JSON.parse(given) });
process.on('SIGTERM', () => process.exit(0));
front.listen(Number(port), '127.0.0.1', () => process.stdout.write('listening\n'));
