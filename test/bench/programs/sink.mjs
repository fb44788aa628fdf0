// An origin that answers an upload with the count of its bytes, and echoes messages of websockets. Prints its port.
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

// A tunnel may keep connections open before it has a request for them.
const server = createServer({ requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 0 }, (request, response) => {
  let count = 0;
  request.on('data', (chunk) => {
    count += chunk.length;
  });
  request.on('end', () => response.end(String(count)));
});
new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (websocket) => {
  websocket.on('error', () => undefined); // Its close follows.
  websocket.on('message', (data, isBinary) => websocket.send(data, { binary: isBinary }));
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
