// webpack-dev-server over a page of one line; its socket for live reloading is /ws.
//
//     node webpack.mjs PORT OPTIONS       OPTIONS: webpack-dev-server's own

import { mkdirSync, writeFileSync } from 'node:fs';
import webpack from 'webpack';
import WebpackDevServer from 'webpack-dev-server';

const [port, given] = process.argv.slice(2);
mkdirSync('src', { recursive: true });
writeFileSync('src/index.js', 'console.log(1);\n');
const compiler = webpack({ mode: 'development', context: process.cwd(), stats: 'none', infrastructureLogging: { level: 'none' } });
const server = new WebpackDevServer({ host: '127.0.0.1', port: Number(port), setupExitSignals: true, ...JSON.parse(given) }, compiler);
await server.start();
compiler.hooks.done.tap('ground', () => process.stdout.write('compiled\n'));
process.stdout.write('listening\n');
