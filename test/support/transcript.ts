import { readFileSync } from 'node:fs';
import { type Members, nameOf } from './peer.ts';

/** One message of a recorded run of an original client and an original server. */
export interface RecordedMessage {
  from: 'client' | 'server';
  name: string;
  text: string;
  document: Members;
}

const path = new URL('wire-v1-transcript.jsonl', import.meta.url);

/** The recorded run, message by message, without the handshake that began it. */
export function recordedMessages(): RecordedMessage[] {
  const lines = readFileSync(path, 'utf8').trim().split('\n');
  return lines.slice(1).map((line) => {
    const { from, text } = JSON.parse(line) as { from: 'client' | 'server'; text: string };
    const document = JSON.parse(text) as Members;
    return { from, name: nameOf(document), text, document };
  });
}

/** The one recorded message of that name and origin. */
export function recorded(name: string, from: 'client' | 'server', nth = 0): RecordedMessage {
  const found = recordedMessages().filter((message) => message.name === name && message.from === from)[nth];
  if (!found) throw new Error(`the ${from} sent no ${name} number ${nth}`);
  return found;
}

/** The recorded requests, each with its answer. */
export function recordedExchanges(): { request: Members; response: Members }[] {
  const messages = recordedMessages();
  return messages
    .filter(({ name }) => name === 'http-request')
    .map(({ document: request }) => {
      const answer = messages.find(
        ({ name, document }) => name === 'http-response' && document['@id'] === request['@id'],
      );
      return { request, response: answer?.document ?? {} };
    });
}

/** A document's members and the types of their values. */
export function shapeOf(document: Members): Record<string, string> {
  return Object.fromEntries(
    Object.keys(document)
      .sort()
      .map((name) => [name, typeof document[name]]),
  );
}

/** What a document says, without what is new in every run. */
export function contentOf(document: Members): Members {
  const { '@id': _id, '@timestamp': _timestamp, ...content } = document;
  return content;
}

/** A document as text under another id. */
export function withId(document: Members, id: unknown): string {
  return JSON.stringify({ ...document, '@id': id });
}
