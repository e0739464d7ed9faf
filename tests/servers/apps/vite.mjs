// Vite's development server over a page of one line; its socket for hot updates is / with the subprotocol vite-hmr.
// SIGHUP has it restart within its process, as a change of its configuration does.
//
//     node vite.mjs PORT OPTIONS          OPTIONS: `server` options of Vite's own

import { writeFileSync } from 'node:fs';
import { createServer } from 'vite';

const [port, given] = process.argv.slice(2);
writeFileSync('index.html', '<p>ground</p>\n');
const server = await createServer({
  root: process.cwd(), configFile: false, logLevel: 'silent', cacheDir: process.cwd() + '/cache',
  server: { host: '127.0.0.1', port: Number(port), strictPort: true, ...JSON.parse(given) },
});
await server.listen();
process.on('SIGHUP', () => server.restart());
process.on('SIGTERM', () => server.close().then(() => process.exit(0)));
process.stdout.write(`listening token=${server.config.webSocketToken}\n`);
