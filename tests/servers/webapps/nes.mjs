// @hapi/nes, whose clients answer its pings by messages of its own protocol; SIGTERM stops hapi in order.
//
//     node nes.mjs PORT OPTIONS              OPTIONS: the plugin's own, such as heartbeat ({ interval, timeout } in ms)

import hapi from '@hapi/hapi';
import nes from '@hapi/nes';

const [port, given] = process.argv.slice(2);
const server = hapi.server({ host: '127.0.0.1', port: Number(port) });
await server.register({ plugin: nes, options: JSON.parse(given) });
server.route({ method: 'GET', path: '/hour', config: { id: 'hour', handler: () => 'noon' } });
process.on('SIGTERM', async () => {
  await server.stop({ timeout: 2000 });
  process.exit(0);
});
await server.start();
process.stdout.write('listening\n');
