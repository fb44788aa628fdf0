import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import { SeededBytes } from './seeded-bytes.ts';
import type { Target } from './visitor-loop.ts';

/**
 * Takes a body of a journal origin and checks it piece by piece; `onPiece` hears how many bytes came. Throws at the first
 * byte that is wrong or missing.
 */
export async function downloadVerified(
  { port, host }: Target,
  byteCount: number,
  seed: number,
  { onPiece = () => undefined }: { onPiece?: (byteCount: number) => void } = {},
): Promise<void> {
  const path = `/bytes/${byteCount}/${seed}`;
  const request = http.get({ host: '127.0.0.1', port, path, headers: { Host: host }, agent: false });
  const response = await answer(request);
  const bytes = new SeededBytes(seed);
  let at = 0;
  for await (const chunk of response) {
    bytes.check(at, chunk as Buffer);
    at += (chunk as Buffer).length;
    onPiece((chunk as Buffer).length);
  }
  if (at !== byteCount) throw new Error(`${at} of ${byteCount} bytes came`);
}

/** Sends a body no faster than it is taken, and checks by the origin's answer that it arrived as it was. */
export async function uploadVerified({ port, host }: Target, byteCount: number, seed: number): Promise<void> {
  const headers = { Host: host, 'Content-Length': byteCount };
  const request = http.request({ host: '127.0.0.1', port, path: '/hash', method: 'POST', headers, agent: false });
  const answered = answer(request);
  const hash = createHash('sha256');
  const bytes = new SeededBytes(seed);
  let at = 0;
  const go = (): void => {
    while (at < byteCount && !request.destroyed) {
      const piece = bytes.piece(at, byteCount - at);
      hash.update(piece);
      at += piece.length;
      if (!request.write(piece)) {
        request.once('drain', go);
        return;
      }
    }
    if (at === byteCount) request.end();
  };
  go();
  const chunks: Buffer[] = [];
  for await (const chunk of await answered) chunks.push(chunk as Buffer);
  const sha256 = Buffer.concat(chunks).toString('latin1');
  if (sha256 !== hash.digest('hex')) throw new Error(`the origin got another body: ${sha256}`);
}

async function answer(request: http.ClientRequest): Promise<IncomingMessage> {
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const { statusCode, headers } = response;
  if (statusCode !== 200) throw new Error(`status ${statusCode} ${headers['adit-error'] ?? ''}`);
  return response;
}
