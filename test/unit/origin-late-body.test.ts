import { test } from 'node:test';
import { SocketOrigin } from '../support/socket-origin.ts';

for (const [method, status, fields] of [
  ['HEAD', '200 OK', 'Content-Length: 5'],
  ['HEAD', '200 OK', 'Transfer-Encoding: chunked'],
  ['GET', '204 No Content', 'Content-Length: 5'],
  ['GET', '304 Not Modified', 'Content-Length: 5'],
] as const) {
  test(`a connection on which a body may follow ${method} and ${status} (${fields}) serves no other request`, async (t) => {
    const service = await SocketOrigin.start(t);
    const { response } = service.ask({ method });
    const connection = await service.accept();
    await connection.head();
    connection.write(`HTTP/1.1 ${status}\r\n${fields}\r\n\r\n`);
    await response.done;
    await connection.closed;
  });
}
