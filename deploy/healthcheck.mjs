// Asks the hub in this container whether it serves: ends with 0 when it does. It reads the hub's own variables, so that
// it asks where the hub listens.
import http from 'node:http';
import https from 'node:https';

const { ADDR = ':6519', TLS_CERT } = process.env;
const client = TLS_CERT ? https : http;
const [, name = '', port] = /^(?:(.*):)?(\d+)$/.exec(ADDR.trim()) ?? [];
const host = name.replace(/[[\]]/g, '');
// Whoever listens on every address does so on loopback.
const loopback = { '': '127.0.0.1', '0.0.0.0': '127.0.0.1', '::': '::1' };
// The certificate is for the public name, and this is the same machine.
const options = {
  host: loopback[host] ?? host,
  port,
  path: '/healthz',
  rejectUnauthorized: false,
};
const request = client.get(options, ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1));
request.once('error', ({ message }) => {
  console.error(`the hub does not answer: ${message}`);
  process.exit(1);
});
