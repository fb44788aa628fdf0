import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { test } from 'node:test';
import { addressMs, hubLookup } from '#internal/agent/hub-lookup';

const six = (n: number) => ({ address: `2001:db8::${n}`, family: 6 });
const four = (n: number) => ({ address: `192.0.2.${n}`, family: 4 });

type Address = ReturnType<typeof four>;

/** The addresses that one attempt gets, as their last numbers. */
async function attempt(lookup: ReturnType<typeof hubLookup>, options: object = { all: true }): Promise<string> {
  return await new Promise((resolve, reject) => {
    lookup('hub.test', options, (error, found) => {
      if (error) reject(error);
      else
        resolve(
          [found]
            .flat()
            .map((each) => String(typeof each === 'string' ? each : each.address))
            .join(' '),
        );
    });
  });
}

test('hub lookup: every attempt begins with the next address, in the order of DNS, families mixed', async () => {
  const lookup = hubLookup((_name, done) => done(null, [six(1), four(2), six(3)]));
  assert.equal(await attempt(lookup), '2001:db8::1 192.0.2.2 2001:db8::3');
  assert.equal(await attempt(lookup), '192.0.2.2 2001:db8::3 2001:db8::1');
  assert.equal(await attempt(lookup), '2001:db8::3 2001:db8::1 192.0.2.2');
  assert.equal(await attempt(lookup), '2001:db8::1 192.0.2.2 2001:db8::3');
});

test('hub lookup: a name server that shuffles changes nothing about whose turn it is', async () => {
  let order: Address[] = [four(1), four(2)];
  const lookup = hubLookup((_name, done) => done(null, order));
  assert.match(await attempt(lookup), /^192\.0\.2\.1/);
  order = [four(1), four(2)];
  assert.match(await attempt(lookup), /^192\.0\.2\.2/);
  order = [four(2), four(1)];
  assert.match(await attempt(lookup), /^192\.0\.2\.1/);
});

test('hub lookup: a new address comes first, one that DNS no longer names is forgotten', async () => {
  let found: Address[] = [four(1), four(2)];
  const lookup = hubLookup((_name, done) => done(null, found));
  await attempt(lookup);
  found = [four(2), four(3)];
  assert.equal(await attempt(lookup), '192.0.2.2 192.0.2.3');
  assert.equal(await attempt(lookup), '192.0.2.3 192.0.2.2');
});

test('hub lookup: of many addresses all have their turn', async () => {
  const lookup = hubLookup((_name, done) => done(null, [1, 2, 3, 4, 5, 6, 7].map(four)));
  const firsts = new Set<string>();
  for (let i = 0; i < 7; i += 1) {
    const addresses = (await attempt(lookup)).split(' ');
    assert.equal(addresses.length, 5);
    firsts.add(addresses[0] as string);
  }
  assert.equal(firsts.size, 7);
});

test('hub lookup: one family or one address can be asked for', async () => {
  const lookup = hubLookup((_name, done) => done(null, [six(1), four(2)]));
  assert.equal(await attempt(lookup, { family: 4 }), '192.0.2.2');
  assert.equal(await attempt(lookup, {}), '2001:db8::1');
});

test('hub lookup: a name without an address fails, and so does a name server that does not answer', async () => {
  await assert.rejects(attempt(hubLookup((_name, done) => done(null, []))), { code: 'ENOTFOUND' });
  const failure = Object.assign(new Error('no answer'), { code: 'EAI_AGAIN' });
  await assert.rejects(attempt(hubLookup((_name, done) => done(failure, []))), { code: 'EAI_AGAIN' });
});

test('hub lookup: within one attempt the address that serves is found behind one that does not', async (t) => {
  const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const both = [
    { address: '::1', family: 6 },
    { address: '127.0.0.1', family: 4 },
  ];
  const lookup = hubLookup((_name, done) => done(null, both));
  const socket = connect({
    host: 'hub.test',
    port,
    lookup,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: addressMs,
  });
  await once(socket, 'connect');
  assert.equal(socket.remoteAddress, '127.0.0.1');
  socket.destroy();
});
