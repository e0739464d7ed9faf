// Socket.IO 4: every event comes back. The event `kick` has the server disconnect the speaker, `kick-hard` with the
// transport under it; SIGTERM closes it as `io.close()` does.
//
//     node socketio.mjs PORT OPTIONS      OPTIONS: Socket.IO's own (ms and bytes), and token: what auth must hold

import { createServer } from 'node:http';
import { Server } from 'socket.io';

const [port, given] = process.argv.slice(2);
const { token, ...options } = JSON.parse(given);
const front = createServer();
const io = new Server(front, options);

if (token) io.use((socket, next) => next(socket.handshake.auth.token === token ? undefined : new Error('not authorized')));
io.on('connection', (socket) => {
  socket.on('kick', () => socket.disconnect());
  socket.on('kick-hard', () => socket.disconnect(true));
  socket.onAny((name, ...rest) => socket.emit(name, ...rest));
});
process.on('SIGTERM', () => io.close(() => process.exit(0)));
front.listen(Number(port), '127.0.0.1', () => process.stdout.write('listening\n'));
