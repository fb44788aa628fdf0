import type { TextLink } from '#internal/link/text-link';
import type { Connect } from '#internal/link/v1/document-link';

export type Members = Record<string, unknown>;

/** The short name in a document's `@type`. */
export function nameOf(document: Members): string {
  return /^https:\/\/proxy\.brickchain\.com\/v1\/(.+)\.json$/.exec(String(document['@type']))?.[1] ?? 'unknown';
}

/** Members as a document of wire v1, with a time and, unless there is one, an id. */
export function documentOf(name: string, members: Members = {}): string {
  return JSON.stringify({
    '@type': `https://proxy.brickchain.com/v1/${name}.json`,
    '@timestamp': '2026-11-21T00:51:05Z',
    '@id': '0b6f6a0e-5f0a-4d6e-9a3c-2f1f5a7a9b10',
    ...members,
  });
}

/** The test's own end of a text link: sends what it likes and reads message by message. */
export class Peer {
  readonly link: TextLink;
  /** How the link ended. */
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #unread: string[] = [];
  #wake: (() => void) | undefined;
  #isClosed = false;

  constructor(connect: Connect) {
    let onClosed: (end: { code: number; reason: string }) => void;
    this.closed = new Promise((resolve) => {
      onClosed = resolve;
    });
    this.link = connect({
      text: (message) => {
        this.#unread.push(message);
        this.#wake?.();
      },
      closed: (code, reason) => {
        this.#isClosed = true;
        onClosed({ code, reason });
        this.#wake?.();
      },
    });
  }

  /** Messages that arrived and were not read. */
  get unreadCount(): number {
    return this.#unread.length;
  }

  send(name: string, members: Members = {}): void {
    this.link.send(documentOf(name, members));
  }

  /** The next message. Rejects when the link ends without one. */
  async text(): Promise<string> {
    while (this.#unread.length === 0) {
      if (this.#isClosed) throw new Error('the link has ended');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#unread.shift() as string;
  }

  /** The next message as a document, which must be one of that name. */
  async document(name: string): Promise<Members> {
    const text = await this.text();
    const document = JSON.parse(text) as Members;
    if (nameOf(document) !== name) throw new Error(`expected ${name}, got ${text.slice(0, 200)}`);
    return document;
  }
}

/** Lets everything happen that needs no more than a few turns of the event loop: before saying that nothing did. */
export async function quietTurns(): Promise<void> {
  for (let i = 0; i < 5; i += 1) await new Promise((resolve) => setImmediate(resolve));
}
