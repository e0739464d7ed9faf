// Fastify with @fastify/websocket, which says back every message; /throttled and /members have a hook in front.
//
//     node fastify.mjs PORT OPTIONS
//
// OPTIONS: ws's own, and drain (ms that SIGTERM leaves the clients before the server closes). `throw` fails the handler.

import websocket from '@fastify/websocket';
import fastify from 'fastify';

const [port, given] = process.argv.slice(2);
const { drain, ...options } = JSON.parse(given);
const app = fastify();
await app.register(websocket, { options });

function echo(socket) {
  socket.on('message', (message, binary) => {
    if (message.toString() === 'throw') throw new Error('no such room');
    socket.send(message, { binary });
  });
}

const refuse = (status, error) => async (request, reply) => reply.code(status).header('retry-after', '7').send({ error });
app.get('/ws', { websocket: true }, echo);
app.get('/throttled', { websocket: true, preValidation: refuse(429, 'Too many connections') }, echo);
app.get('/members', { websocket: true, preValidation: refuse(401, 'Unauthorized') }, echo);
app.get('/page', async () => 'a page');
process.on('SIGTERM', () => setTimeout(async () => {
  await app.close();
  process.exit(0);
}, drain || 0));
await app.listen({ host: '127.0.0.1', port: Number(port) });
process.stdout.write('listening\n');
