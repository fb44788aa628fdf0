import type { TextLink, TextLinkHandler } from '#internal/link/text-link';
import type { Connect } from '#internal/link/v1/document-link';

interface End {
  handler: TextLinkHandler | undefined;
  queuedBytes: number;
  receivedBytes: number;
  isClosed: boolean;
}

/** A connection inside the process, with a way in at each side. */
export interface TextLinkPair {
  left: Connect;
  right: Connect;
  /** From now on nothing passes in either direction, not even a sign of life. */
  silence(): void;
  /** Lets `right` read bytes that are no message, such as a websocket pong. */
  trickle(byteCount: number): void;
  /** Ends the connection without a word. */
  cut(): void;
}

/** Two text links that are each other's far side. As over a network, nothing arrives inside its sender's call. */
export function textLinkPair(): TextLinkPair {
  const left: End = { handler: undefined, queuedBytes: 0, receivedBytes: 0, isClosed: false };
  const right: End = { handler: undefined, queuedBytes: 0, receivedBytes: 0, isClosed: false };
  let isSilent = false;
  const end = (at: End, code: number, reason: string): void => {
    if (at.isClosed) return;
    at.isClosed = true;
    at.handler?.closed(code, reason);
  };
  const later = (action: () => void): void => {
    setImmediate(() => {
      if (!isSilent) action();
    });
  };
  const connector =
    (own: End, far: End): Connect =>
    (handler) => {
      own.handler = handler;
      return linkBetween(own, far, { later, end });
    };
  const cut = (): void => {
    end(left, 1006, '');
    end(right, 1006, '');
  };
  return {
    left: connector(left, right),
    right: connector(right, left),
    silence: () => {
      isSilent = true;
    },
    trickle: (byteCount) => {
      right.receivedBytes += byteCount;
    },
    cut,
  };
}

interface Wire {
  later(action: () => void): void;
  end(at: End, code: number, reason: string): void;
}

function linkBetween(own: End, far: End, { later, end }: Wire): TextLink {
  let isClosing = false;
  const deliver = (text: string, byteCount: number, sent?: () => void): void => {
    own.queuedBytes -= byteCount;
    sent?.();
    if (far.isClosed) return;
    far.receivedBytes += byteCount;
    far.handler?.text(text);
  };
  return {
    send(text, sent) {
      if (isClosing || own.isClosed) return;
      const byteCount = Buffer.byteLength(text);
      own.queuedBytes += byteCount;
      later(() => deliver(text, byteCount, sent));
    },
    ping() {
      // The ping itself is life for the far side, and its pong for ours.
      later(() => {
        far.receivedBytes += 2;
        later(() => {
          own.receivedBytes += 2;
        });
      });
    },
    close(code, reason) {
      isClosing = true;
      later(() => {
        end(far, code, reason);
        end(own, code, reason);
      });
    },
    destroy() {
      isClosing = true;
      setImmediate(() => end(own, 1006, ''));
      later(() => end(far, 1006, ''));
    },
    get queuedBytes() {
      return own.queuedBytes;
    },
    get receivedBytes() {
      return own.receivedBytes;
    },
  };
}
