import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { CompactSign, type JWK } from 'jose';
import { WebSocket } from 'ws';
import { base64, type Document, DocumentSocket } from './document-socket.ts';
import type { Cleanup } from './processes.ts';

export interface ClientKey {
  privateKey: KeyObject;
  jwk: JWK;
}

/** A new key as the original makes it. */
export function newClientKey(): ClientKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { privateKey, jwk: publicKey.export({ format: 'jwk' }) as JWK };
}

/** The token that registers a key at the hub that is called `uri`. */
export async function mandateToken({ privateKey, jwk }: ClientKey, uri: string): Promise<string> {
  const type = 'https://schema.brickchain.com/v2/mandate-token.json';
  const payload = JSON.stringify({ '@type': type, '@timestamp': new Date().toISOString(), uri, ttl: 60 });
  return await new CompactSign(Buffer.from(payload)).setProtectedHeader({ alg: 'ES256', jwk }).sign(privateKey);
}

/** A client as the original is one: no field of ours in its handshake, and nothing but documents of wire v1. */
export class OriginalClient extends DocumentSocket {
  readonly #uri: string;

  private constructor(websocket: WebSocket, uri: string) {
    super(websocket);
    this.#uri = uri;
  }

  /** Connects to a hub on 127.0.0.1, through `port` where that is not the hub's own. */
  static async connect(t: Cleanup, hub: { port: number; url: string }, port = hub.port): Promise<OriginalClient> {
    const websocket = new WebSocket(`ws://127.0.0.1:${port}/proxy/subscribe`, { perMessageDeflate: false });
    t.after(() => websocket.terminate());
    const client = new OriginalClient(websocket, hub.url);
    await once(websocket, 'open');
    return client;
  }

  /** Registers and gives the response. Rejects when the hub refuses. */
  async register(key: ClientKey, session?: string): Promise<Document> {
    return await this.registerWith(await mandateToken(key, this.#uri), session);
  }

  /** Registers with a token that is there already. */
  async registerWith(token: string, session?: string): Promise<Document> {
    this.send('registration-request', { mandateToken: token, ...(session === undefined ? {} : { session }) });
    return await this.next('registration-response');
  }

  /** Answers an `http-request`; further members stand for the usual ones. */
  answer(request: Document, body: string | Buffer, members: Document = {}): void {
    const headers = { 'Content-Type': 'text/plain' };
    this.send('http-response', { '@id': request['@id'], status: 200, headers, body: base64(body), ...members });
  }
}
