import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SocketOrigin } from '../support/socket-origin.ts';

for (const host of ['127.0.0.1', 'localhost']) {
  test(`more connections than ${host} lets wait are made once the system has asked again`, async (t) => {
    const service = await SocketOrigin.start(t, { name: (port) => `${host}:${port}`, backlog: 1 });
    // In one turn, in which none is accepted: the system drops what does not fit, and asks again after a second.
    const responses = Array.from({ length: 4 }, () => service.ask().response);
    const answerAll = async (): Promise<never> => {
      for (;;) (await service.accept()).answer('hello');
    };
    void answerAll();
    await Promise.all(responses.map(({ done }) => done));
    assert.deepEqual(
      responses.map(({ error, body }) => error?.message ?? body.toString()),
      ['hello', 'hello', 'hello', 'hello'],
    );
  });
}
