import { test } from 'node:test';
import { SocketOrigin } from '../support/socket-origin.ts';

for (const [name, value] of [
  ['Authorization', 'NTLM TlRMTVNTUAAB'],
  ['authorization', 'negotiate YIIJ'],
  ['Proxy-Authorization', 'Negotiate YIIJ'],
] as const) {
  test(`a connection on which ${name}: ${value} has come serves nobody else`, async (t) => {
    const service = await SocketOrigin.start(t);
    const { response } = service.ask({ fields: [name, value] });
    const connection = await service.accept();
    await connection.head();
    connection.answer('');
    await response.done;
    await connection.closed;
  });
}

test('a request that signs in itself alone leaves its connection for others', async (t) => {
  const service = await SocketOrigin.start(t);
  const { response } = service.ask({ fields: ['Authorization', 'Basic bmVnb3RpYXRlOm50bG0='] });
  const connection = await service.accept();
  await connection.head();
  connection.answer('', 'WWW-Authenticate: NTLM\r\n');
  await response.done;
  service.ask({ target: '/two' });
  await connection.until('GET /two ');
});
