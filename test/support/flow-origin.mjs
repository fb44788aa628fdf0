// A service that sends and takes bodies of any length: node flow-origin.mjs. Prints its port, then what became of each
// request as `{path, event, byteCount, sha256}`; the hash only when the path asks for it.
import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';

const blockBytes = 65_536;
const blocks = randomBytes(16 * blockBytes);
/** A long body is under way once so much of it has passed. */
const begunBytes = 1_000_000;
const say = (told) => console.log(JSON.stringify(told));

/** Sends `left` bytes, no faster than they are taken. */
function send(response, byteCount, told) {
  const hash = told.path.includes('hash') ? createHash('sha256') : undefined;
  let left = byteCount;
  let index = 0;
  const go = () => {
    while (left > 0 && !response.destroyed) {
      const start = (index % 16) * blockBytes;
      let block = blocks.subarray(start, start + Math.min(left, blockBytes));
      if (hash && block.length > 8) {
        // Each one is different, so that one which comes twice or out of order shows.
        block = Buffer.from(block);
        block.writeUInt32BE(index, 0);
        hash.update(block);
      } else hash?.update(block);
      index += 1;
      left -= block.length;
      if (byteCount - left >= begunBytes && byteCount - left - block.length < begunBytes)
        say({ ...told, event: 'begun' });
      if (!response.write(block)) {
        response.once('drain', go);
        return;
      }
    }
    if (left === 0) response.end();
  };
  response.once('close', () => {
    const event = response.writableFinished ? 'sent' : 'aborted';
    say({ ...told, event, byteCount: byteCount - left, sha256: hash?.digest('hex') });
  });
  go();
}

function receive(request, response, told) {
  const hash = told.path.includes('hash') ? createHash('sha256') : undefined;
  let byteCount = 0;
  request.on('data', (chunk) => {
    if (byteCount < begunBytes && byteCount + chunk.length >= begunBytes) say({ ...told, event: 'begun' });
    byteCount += chunk.length;
    hash?.update(chunk);
  });
  request.once('end', () => {
    say({ ...told, event: 'received', byteCount, sha256: hash?.digest('hex') });
    response.end('taken');
  });
  request.once('close', () => request.complete || say({ ...told, event: 'aborted', byteCount }));
}

const server = createServer((request, response) => {
  const path = request.url ?? '';
  const told = { path };
  request.on('error', () => undefined);
  const byteCount = Number(/^\/down\/(\d+)/.exec(path)?.[1]);
  if (byteCount > 0) {
    if (!path.includes('chunked')) response.setHeader('Content-Length', byteCount);
    send(response, byteCount, told);
  } else if (path.startsWith('/up')) receive(request, response, told);
  else if (path.startsWith('/never')) {
    say({ ...told, event: 'begun' });
    // A paused request does not see its end; the socket does.
    request.socket.once('close', () => say({ ...told, event: 'aborted' }));
  } else if (path === '/open') server.getConnections((_, count) => response.end(String(count)));
  else response.end('small');
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
