import type { Random } from './random.ts';

/** Makes messages that are nearly HTTP/1.1: well-formed ones mostly, and whatever readers have been found to differ on. */
export class HttpGrammar {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** One to three requests, one behind the other, with their bytes mutated now and then. Latin1. */
  requests(): string {
    const { happens, pick } = this.#bound();
    let text = happens(0.03) ? pick(['\r\n', '\r\n\r\n', '\n', '\r', ' \r\n']) : '';
    const count = happens(0.5) ? 1 : 2 + this.#random.below(2);
    for (let i = 0; i < count; i += 1) text += this.#request();
    return happens(0.3) ? this.#mutated(text) : text;
  }

  /** Interim responses, a final one, and bytes behind it. */
  response(): string {
    const { happens, pick } = this.#bound();
    let text = '';
    while (happens(0.1)) text += `HTTP/1.1 ${pick(['100', '102', '103', '199'])} Interim\r\n${this.#fields()}\r\n`;
    const version = happens(0.9)
      ? 'HTTP/1.1'
      : pick(['HTTP/1.0', 'HTTP/1.2', 'HTTP/2.0', 'http/1.1', 'HTTP/0.9', 'ICY']);
    const status = happens(0.8)
      ? pick(['200', '200', '204', '304', '404', '500'])
      : pick(['101', '99', '1000', '600', '20', '2e2', '205']);
    const reason = pick([' OK', ' OK', '', ' ', ' a b', ' \xe9', ' a\tb', '  two']);
    const head = `${version} ${status}${reason}\r\n${this.#fields()}`;
    text += this.#withBody(head);
    if (happens(0.05)) text += 'HTTP/1.1 200 OK\r\n\r\n';
    return happens(0.3) ? this.#mutated(text) : text;
  }

  /** Cuts bytes into pieces. */
  pieces(bytes: Buffer): Buffer[] {
    const random = this.#random;
    const pieces: Buffer[] = [];
    const largest = random.pick([1, 3, 20, 200]);
    for (let at = 0; at < bytes.length; ) {
      const end = at + 1 + random.below(largest);
      pieces.push(bytes.subarray(at, end));
      at = end;
    }
    return pieces;
  }

  #bound() {
    const random = this.#random;
    return {
      happens: (probability: number) => random.chance(probability),
      pick: <T>(choices: readonly T[]) => random.pick(choices),
    };
  }

  #request(): string {
    const { happens, pick } = this.#bound();
    const method = happens(0.9) ? pick(['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS']) : pick(oddMethods);
    const target = happens(0.9) ? pick(['/', '/a?b=c', '/%20x', '//x', '/a;b']) : pick(oddTargets);
    const version = happens(0.9)
      ? 'HTTP/1.1'
      : pick(['HTTP/1.0', 'HTTP/1.0', 'HTTP/1.2', 'HTTP/2.0', 'http/1.1', 'HTTP/1.1 ', 'HTTP/01.1']);
    const space = happens(0.99) ? ' ' : pick(['  ', '\t', '']);
    const host = happens(0.97) ? 'Host: a.test\r\n' : '';
    return this.#withBody(`${method}${space}${target} ${version}\r\n${host}${this.#fields()}`);
  }

  #fields(): string {
    const { happens, pick } = this.#bound();
    const lines = this.#random.some(3, () => {
      if (happens(0.12)) return `Connection:${pick(connectionOptions)}\r\n`;
      if (happens(0.02)) return pick(['Proxy-Connection: close\r\n', 'Connection: upgrade\r\nUpgrade: x\r\n']);
      const name = happens(0.97) ? pick(['X-A', 'x_b', 'Accept', '!#$%&', 'Content-Type', 'Cookie']) : pick(oddNames);
      const colon = happens(0.97) ? pick([': ', ':', ':\t', ':  ']) : pick([' :', '', ' ', '::', ':\r']);
      const value = happens(0.95) ? pick(['', 'b', 'b c', 'b\tc ', ' b ', '\xe9\xff', '"q, r"']) : pick(oddValues);
      return `${name}${colon}${value}${happens(0.985) ? '\r\n' : pick(['\n', '\r', '\r\r\n', '\r\n '])}`;
    });
    return lines.join('');
  }

  /** A head that is still open, with its framing, its end and its body. */
  #withBody(head: string): string {
    const { happens, pick } = this.#bound();
    const kind = pick(['none', 'none', 'length', 'length', 'chunked', 'chunked', 'odd']);
    if (kind === 'none') return `${head}\r\n`;
    if (kind === 'length') {
      const body = pick(['x', 'hello', 'GET / HTTP/1.1\r\n\r\n', '\r\n', '']);
      return `${head}${pick(['Content-Length', 'content-length'])}: ${body.length}\r\n\r\n${body}`;
    }
    if (kind === 'chunked') return `${head}Transfer-Encoding: ${pick(['chunked', 'Chunked'])}\r\n\r\n${this.#chunks()}`;
    const framing = this.#random.some(2, () =>
      happens(0.5) ? `Content-Length:${pick(oddLengths)}\r\n` : `Transfer-Encoding:${pick(oddCodings)}\r\n`,
    );
    return `${head}${framing.join('')}\r\n${happens(0.5) ? this.#chunks() : 'hello'}`;
  }

  #chunks(): string {
    const { happens, pick } = this.#bound();
    const parts = this.#random.some(3, () => {
      const data = pick(['x', 'hello', '\r\n0\r\n\r\n', 'a'.repeat(17)]);
      const size = happens(0.96) ? data.length.toString(16) : pick(oddSizes);
      const extension = happens(0.9) ? '' : pick(extensions);
      return `${size}${extension}\r\n${data}${happens(0.98) ? '\r\n' : pick(['', '\n', '\r', '\r\n\r\n', ' \r\n'])}`;
    });
    const last = happens(0.95) ? pick(['0', '0', '00', '000']) : pick(['', '0 ', '0;x', '0x0', '-0']);
    const trailers = happens(0.15) ? this.#fields() + (happens(0.1) ? 'Content-Length: 5\r\n' : '') : '';
    return `${parts.join('')}${last}\r\n${trailers}${happens(0.97) ? '\r\n' : pick(['\n', '', '\r', ' \r\n'])}`;
  }

  #mutated(text: string): string {
    const random = this.#random;
    let out = text;
    for (let count = 1 + random.below(3); count > 0; count -= 1) {
      const at = random.below(out.length + 1);
      const end = Math.min(out.length, at + random.pick([0, 1, 1, 2, 8]));
      out = out.slice(0, at) + this.#insertion(out, at) + out.slice(end);
    }
    return out;
  }

  #insertion(text: string, at: number): string {
    const random = this.#random;
    switch (random.below(5)) {
      case 0:
        return String.fromCharCode(random.below(256));
      case 1:
        return random.pick(insertions);
      case 2:
        return text.slice(at, at + random.below(30));
      default:
        return '';
    }
  }
}

const oddMethods = ['TRACE', 'PATCH', 'PURGE', 'get', 'M-SEARCH', 'MADEUP', 'G(T', '', 'A!', 'PRI', 'QUERY'];
const oddTargets = [
  '*',
  'http://a.test/',
  'HTTP://a.test',
  'http://b.test:80/x?y',
  'https://a@b/',
  'a',
  '/\\',
  '/#f',
  '/\xe9',
];
oddTargets.push('?x', '/a\tb', '/a\x01', '/"<>{}|^`', 'a.test:443', 'http:/a', 'http:///x', '/[]', '', 'ftp://a.test/');
const oddNames = [
  'X A',
  '',
  ' X',
  'X\xe9',
  'X(',
  'Content-Length ',
  'Transfer-Encoding\t',
  'X\0',
  'Content_Length',
  'Keep-Alive',
];
oddNames.push('Upgrade', 'Expect', 'Proxy-Connection', 'Trailer', 'Transfer-Encoding', 'Content-Length', 'Host');
const oddValues = [
  'a\0b',
  'a\x01',
  '\x7f',
  'a\rb',
  'a\nb',
  'chunked',
  '0',
  '5',
  'close',
  '\x0b',
  '\x80',
  'h2c',
  'a\r\n b',
  'a\r\n\tb',
];
const connectionOptions = [
  ' close',
  ' keep-alive',
  ' Close',
  ' close, x',
  ' x,close',
  ' keep-alive, close',
  ' close,',
  ' , close',
];
connectionOptions.push(
  'close',
  '',
  ' x',
  ' upgrade',
  ' closed',
  ' "close"',
  ' keep-alive,x-a',
  ' close ',
  ' close;q=1',
  '\tclose',
);
const oddLengths = [
  ' 5',
  ' 05',
  ' 0',
  '5',
  ' +5',
  ' -1',
  ' 0x5',
  ' 5, 5',
  ' 5,',
  '',
  ' ',
  ' 5 ',
  ' 5\t',
  ' 5 5',
  ' five',
];
oddLengths.push(
  ` ${'0'.repeat(20)}5`,
  ' 18446744073709551621',
  ' 9007199254740993',
  ' 5;x',
  ' \xb2',
  ' 5.0',
  ' 1e1',
  ' 000000000000005',
);
const oddCodings = [
  ' chunked',
  ' gzip, chunked',
  ' chunked, chunked',
  ' chunked, identity',
  ' identity',
  ' xchunked',
  ' gzip',
  '',
  ' ',
];
oddCodings.push(
  ' ,chunked',
  ' chunked,',
  ' chunked ',
  '\tchunked',
  ' "chunked"',
  ' chunked;q=1',
  ' chun ked',
  ' ,',
  ' chunkedx',
  'chunked',
);
oddCodings.push(
  ' x chunked',
  ' \x0bchunked',
  ' chunked\x0b',
  ' chunked\xa0',
  ' identity, chunked',
  ' gzip,chunked',
  ' c\u00a0hunked',
);
const oddSizes = [
  '0x5',
  '-1',
  '+5',
  ' 5',
  '5 ',
  'g',
  '',
  'ffffffffffffffff',
  'fffffffffffffffff',
  '5.',
  '005',
  '0000000000000005',
];
oddSizes.push('100000001', '10000000000000005', '7fffffffffffffff', '5_', '5,5', '\xb5');
const extensions = [
  ';x',
  ';x=y',
  ';x="y z"',
  ' ;x',
  '; x',
  ';x;',
  ';',
  ';x="\\""',
  ';x=y;z',
  ';\xe9',
  ';x\n',
  ';x\r',
  '\t;x',
  ' ',
  ';x=\x01',
];
const insertions = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  '\t',
  ':',
  '\r\n\r\n',
  '0\r\n\r\n',
  'chunked',
  'Content-Length: 3\r\n',
  ';',
  ',',
  '\x7f',
  '\x85',
];
insertions.push(
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding:\r\n',
  'Connection: close\r\n',
  ' \r\n',
  '\r\n ',
  'HTTP/1.1',
  '\xa0',
);
