// Runs localtunnel's client from the folder that is named. Prints its public host.
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [folder, serverPort, port, subdomain] = process.argv.slice(2);
const localtunnel = createRequire(join(folder, 'bench.js'))('localtunnel');
const host = `http://127.0.0.1:${serverPort}`;
const tunnel = await localtunnel({ host, port: Number(port), subdomain, local_host: '127.0.0.1' });
console.log(new URL(tunnel.url).host);
