import { connect, type Socket } from 'node:net';
import { transferBytes } from '../origins.ts';
import type { Way } from '../subjects/subject.ts';

/** After this long a transfer has failed. */
const patienceMs = 20_000;
const chunk = Buffer.alloc(65_536, 'a');
/** Where every answer is read into: nobody looks at a body, so one buffer does for all. */
const readBuffer = Buffer.allocUnsafe(262_144);

/** Megabytes a second of one download of 100 MB. */
export async function download(way: Way): Promise<{ rate: number }> {
  return await timed(way, async (socket, answer) => {
    socket.write(`GET /100MB HTTP/1.1\r\nHost: ${way.host}\r\n\r\n`);
    const { length } = await answer;
    if (length !== transferBytes) throw new Error(`${length} bytes came of ${transferBytes}`);
  });
}

/** Megabytes a second of one upload of 100 MB. */
export async function upload(way: Way): Promise<{ rate: number }> {
  return await timed(way, async (socket, answer) => {
    socket.write(`POST / HTTP/1.1\r\nHost: ${way.host}\r\nContent-Length: ${transferBytes}\r\n\r\n`);
    await Promise.race([answer, writeBody(socket)]);
    const { text } = await answer;
    if (text !== String(transferBytes)) throw new Error(`${text} bytes arrived of ${transferBytes}`);
  });
}

interface Answer {
  length: number;
  /** The beginning of the body. */
  text: string;
}

async function timed(
  way: Way,
  transfer: (socket: Socket, answer: Promise<Answer>) => Promise<void>,
): Promise<{ rate: number }> {
  let received: (bytes: Buffer) => void = () => undefined;
  const onread = {
    buffer: readBuffer,
    callback: (count: number, buffer: Uint8Array) => {
      received(buffer.subarray(0, count) as Buffer);
      return true;
    },
  };
  const socket = connect({ port: way.port, host: '127.0.0.1', noDelay: true, onread });
  try {
    const answer = new Promise<Answer>((resolve, reject) => {
      received = readAnswer(resolve, reject);
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('the connection ended early')));
      socket.setTimeout(patienceMs, () => reject(new Error(`nothing moved for ${patienceMs / 1_000} s`)));
    });
    answer.catch(() => undefined); // Whoever awaits it hears of it; an upload may have failed first.
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    const startedAt = performance.now();
    await transfer(socket, answer);
    return { rate: transferBytes / 1_000 / (performance.now() - startedAt) };
  } finally {
    socket.destroy();
  }
}

/** Takes the bytes of an answer of known length, and gives its measure once it is whole. */
function readAnswer(resolve: (answer: Answer) => void, reject: (error: Error) => void): (bytes: Buffer) => void {
  let head = '';
  let text = '';
  let expected: number | undefined;
  let length = 0;
  return (bytes) => {
    let body = bytes;
    if (expected === undefined) {
      head += bytes.toString('latin1');
      const end = head.indexOf('\r\n\r\n') + 4;
      if (end < 4) return;
      expected = Number(/^content-length: *(\d+)/im.exec(head)?.[1]);
      const status = Number(head.split(' ')[1]);
      if (status !== 200) return reject(new Error(`status ${status}`));
      if (Number.isNaN(expected)) return reject(new Error('the answer does not tell its length'));
      body = Buffer.from(head.slice(end), 'latin1');
    }
    length += body.length;
    if (text.length < 100) text += body.toString('latin1', 0, 100);
    if (length >= expected) resolve({ length, text });
  };
}

async function writeBody(socket: Socket): Promise<void> {
  for (let left = transferBytes; left > 0; left -= chunk.length) {
    const isRoom = socket.write(left < chunk.length ? chunk.subarray(0, left) : chunk);
    if (!isRoom) await new Promise((resolve) => socket.once('drain', resolve));
  }
}
