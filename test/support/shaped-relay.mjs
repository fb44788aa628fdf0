// A stretch of network: node shaped-relay.mjs <target port> <delay ms each way> <bytes/s each way, 0 for any>
//   <bytes on their way in each direction at most, 0 for any>
// Prints its port. What one direction carries leaves at the given rate, in order, and arrives after the delay. Of what
// can't leave yet it holds as much as a router would; then it stops to read, and TCP passes that on.
import { connect, createServer } from 'node:net';

const [target, delayMs, bytesPerSecond, inFlightBytes = 0] = process.argv.slice(2).map(Number);
const routerBytes = 65_536;
const sliceBytes = 1_448 * 4;

function shape(from, to) {
  const queue = []; // { at, chunk } in the order of arrival
  let departure = 0;
  let queuedBytes = 0;
  // biome-ignore lint/correctness/noUnusedVariables: read by its own assignment
  let timer;
  const flush = () => {
    timer = undefined;
    const now = performance.now();
    while (queue.length > 0 && queue[0].at <= now + 0.5) {
      const { chunk } = queue.shift();
      if (chunk) {
        queuedBytes -= chunk.length;
        to.write(chunk);
      } else to.end();
    }
    if (inFlightBytes > 0 && queuedBytes < inFlightBytes) from.resume();
    const next = queue[0];
    if (next) timer = setTimeout(flush, Math.max(1, next.at - now));
  };
  const push = (chunk) => {
    const now = performance.now();
    departure = Math.max(departure, now) + (bytesPerSecond > 0 && chunk ? (chunk.length / bytesPerSecond) * 1_000 : 0);
    queue.push({ at: departure + delayMs, chunk });
    timer ??= setTimeout(flush, Math.max(1, queue[0].at - now));
    queuedBytes += chunk?.length ?? 0;
    if (inFlightBytes > 0 && queuedBytes >= inFlightBytes) from.pause();
    if (bytesPerSecond === 0) return;
    const waitingMs = departure - now;
    if ((waitingMs / 1_000) * bytesPerSecond > routerBytes) {
      from.pause();
      setTimeout(() => from.resume(), waitingMs - (routerBytes / 2 / bytesPerSecond) * 1_000);
    }
  };
  from.on('data', (chunk) => {
    for (let i = 0; i < chunk.length; i += sliceBytes) push(chunk.subarray(i, i + sliceBytes));
  });
  from.on('end', () => push(undefined));
  from.on('error', () => to.destroy());
  from.on('close', () => to.destroySoon());
}

const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
  const far = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  shape(near, far);
  shape(far, near);
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
