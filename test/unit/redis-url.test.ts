import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRedisUrl, type RedisOptions, redisName } from '#internal/core/redis-url';

const single: Omit<RedisOptions, 'addresses'> = { kind: 'single', isTls: false, database: 0 };

const readable: [text: string, options: RedisOptions][] = [
  ['redis://cache.test', { ...single, addresses: [{ host: 'cache.test', port: 6379 }] }],
  ['cache.test:6380', { ...single, addresses: [{ host: 'cache.test', port: 6380 }] }],
  [' localhost ', { ...single, addresses: [{ host: 'localhost', port: 6379 }] }],
  ['redis://[::1]:1/2', { ...single, addresses: [{ host: '::1', port: 1 }], database: 2 }],
  ['rediss://h:1/', { ...single, isTls: true, addresses: [{ host: 'h', port: 1 }] }],
  ['redis://:secret@h', { ...single, addresses: [{ host: 'h', port: 6379 }], password: 'secret' }],
  [
    'redis://a%3Ab:p%40%2F%25%C3%BC:@h',
    { ...single, addresses: [{ host: 'h', port: 6379 }], username: 'a:b', password: 'p@/%ü:' },
  ],
  ['redis://u:a/b@c@h', { ...single, addresses: [{ host: 'h', port: 6379 }], username: 'u', password: 'a/b@c' }],
  [
    'redis+sentinel://u:p@one,two:7/adit/3',
    {
      kind: 'sentinel',
      isTls: false,
      addresses: [
        { host: 'one', port: 26_379 },
        { host: 'two', port: 7 },
      ],
      username: 'u',
      password: 'p',
      master: 'adit',
      database: 3,
    },
  ],
  [
    'redis+sentinel://h/adit?sentinelUsername=s&sentinelPassword=a+b%26c=',
    {
      kind: 'sentinel',
      isTls: false,
      addresses: [{ host: 'h', port: 26_379 }],
      master: 'adit',
      sentinelUsername: 's',
      sentinelPassword: 'a+b&c=',
      database: 0,
    },
  ],
  [
    'rediss+cluster://one:1,[::1]:2',
    {
      kind: 'cluster',
      isTls: true,
      addresses: [
        { host: 'one', port: 1 },
        { host: '::1', port: 2 },
      ],
      database: 0,
    },
  ],
];
for (const [text, options] of readable) {
  test(`${text} is read`, () => assert.deepEqual(parseRedisUrl(text), options));
}

const unreadable: [text: string, complaint: RegExp][] = [
  ['http://h', /begins with one of redis:/],
  ['constructor://h', /begins with one of redis:/],
  ['redis+unix://h', /begins with one of redis:/],
  ['', /names no host/],
  ['redis://', /names no host/],
  ['redis://h:', /names no host/],
  ['redis://h:port', /names no host/],
  ['redis://u:se#cret@h', /percent-encode/],
  ['redis://u:se?cret@h', /percent-encode/],
  ['redis://u:se%cret@h', /write %25 for %/],
  ['redis://h:0', /between 1 and 65535/],
  ['redis://h:65536', /between 1 and 65535/],
  ['redis://one,two', /write redis\+sentinel:\/\/ or redis\+cluster:\/\//],
  ['redis://h/adit', /number of a database/],
  ['redis://h/1/2', /number of a database/],
  ['redis+sentinel://h', /names no master/],
  ['redis+sentinel://h//1', /names no master/],
  ['redis+sentinel://h/adit?password=secret', /sentinelPassword=/],
  ['redis+sentinel://h/adit?sentinelPassword=', /sentinelPassword=/],
  ['redis+sentinel://h/adit?sentinelPassword=se?cret', /percent-encode/],
  ['redis+cluster://h?sentinelPassword=secret', /percent-encode/],
  ['redis+cluster://h/1', /only database 0/],
];
for (const [text, complaint] of unreadable) {
  test(`${JSON.stringify(text)} is refused, without its password`, () => {
    assert.throws(
      () => parseRedisUrl(text),
      (error) => error instanceof Error && complaint.test(error.message) && !/se.?c?ret/.test(error.message),
    );
  });
}

test('its name in logs has neither user nor password', () => {
  const name = (text: string): string => redisName(parseRedisUrl(text));
  assert.equal(name('redis://user:secret@cache.test/3'), 'redis cache.test:6379');
  assert.equal(name('redis+sentinel://:secret@one,two/adit'), 'redis "adit" by sentinel one:26379,two:26379');
  assert.equal(name('rediss+cluster://:secret@[::1]:7'), 'redis cluster [::1]:7');
});
