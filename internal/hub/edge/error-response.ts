import {
  type AditError,
  isVisitorErrorCode,
  type Leg,
  type VisitorErrorCode,
  visitorErrors,
} from '#internal/core/errors';
import type { ResponseHead } from '#internal/http1/head';

/** What a visitor is told of a failure: a page for browsers, JSON for programs. */
export interface ErrorResponse {
  code: VisitorErrorCode;
  head: ResponseHead;
  body: Buffer;
}

/** Errors that have no words for visitors are our own mistakes. */
export function visitorCode(error: AditError): VisitorErrorCode {
  return isVisitorErrorCode(error.code) ? error.code : 'ADIT_INTERNAL';
}

/** The value of `Allow`: tunnels may have more, but these are the ones that everybody knows. */
export const allowedMethods = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';

/** Seconds after which another attempt makes sense, whoever found the error and whatever wire told of it. */
const soon: ReadonlyMap<VisitorErrorCode, number> = new Map([
  ['ADIT_LINK_LOST', 1],
  ['ADIT_LOOKUP_FAILED', 1],
  ['ADIT_TUNNEL_RECONNECTING', 1],
]);

/** Makes the response for an error. `accept` is the visitor's Accept field. */
export function errorResponse(error: AditError, options: { accept: string; requestId: string }): ErrorResponse {
  const code = visitorCode(error);
  const { status, leg, title } = visitorErrors[code];
  const isHtml = /\btext\/html\b/i.test(options.accept);
  const { message, retryAfterSeconds = soon.get(code) } = error;
  const facts = { code, leg, title, message, requestId: options.requestId };
  const body = Buffer.from(isHtml ? page(status, facts) : `${JSON.stringify({ error: facts })}\n`);
  const fields = [
    'Content-Type',
    isHtml ? 'text/html; charset=utf-8' : 'application/json',
    'Content-Length',
    String(body.length),
    'Cache-Control',
    'no-store',
    // The page stands on the tenant's own browser origin, so nothing in it may run.
    'Content-Security-Policy',
    "default-src 'none'; style-src 'unsafe-inline'",
    'X-Content-Type-Options',
    'nosniff',
    'Adit-Error',
    code,
  ];
  if (retryAfterSeconds !== undefined) fields.push('Retry-After', String(retryAfterSeconds));
  if (code === 'ADIT_UPGRADE_REQUIRED') fields.push('Upgrade', 'websocket', 'Sec-WebSocket-Version', '13');
  if (code === 'ADIT_METHOD_NOT_ALLOWED') fields.push('Allow', allowedMethods);
  return { code, head: { status, reason: '', fields }, body };
}

const legs: readonly Leg[] = ['visitor', 'hub', 'link', 'agent', 'origin'];
const legNames: Record<Leg, string> = {
  visitor: 'You',
  hub: 'Hub',
  link: 'Connection',
  agent: 'Agent',
  origin: 'Service',
};

interface Facts {
  code: VisitorErrorCode;
  leg: Leg;
  title: string;
  message: string;
  requestId: string;
}

function page(status: number, { code, leg, title, message, requestId }: Facts): string {
  const steps = legs
    .map((name) => {
      const isFailed = name === leg;
      // Without an agent there is no connection to it either.
      const isMissing = code === 'ADIT_TUNNEL_OFFLINE' && name === 'link';
      const isReached = legs.indexOf(name) < legs.indexOf(leg) && !isMissing;
      const kind = isFailed ? 'failed' : isReached ? 'reached' : 'beyond';
      const words = isFailed ? ', this part failed' : isReached ? ', fine' : ', not reached';
      return `<li class="${kind}">${legNames[name]}<span class="words">${words}</span></li>`;
    })
    .join('');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${status} ${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<p class="status">${status}</p>
<h1>${escapeHtml(title)}</h1>
<p>${escapeHtml(sentence(message))}</p>
<ol aria-label="The way of the request">${steps}</ol>
<p class="facts"><code>${code}</code> · request <code>${escapeHtml(requestId)}</code></p>
</main>
</body>
</html>
`;
}

const style = `
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #59636e; --paper: #fbfaf7; --line: #d5d2ca; --bad: #b3261e; --good: #2c6e49; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ece9e2; --soft: #a3a8ae; --paper: #16181b; --line: #3a3d42; --bad: #ff8a7f; --good: #7fc99b; }
}
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem; background: var(--paper); color: var(--ink); font: 1.0625rem/1.55 system-ui, sans-serif; }
main { width: 100%; max-width: 38rem; }
.status { margin: 0; color: var(--soft); font-variant-numeric: tabular-nums; letter-spacing: .08em; }
h1 { margin: .1em 0 .5em; font-size: clamp(1.6rem, 6vw, 2.3rem); line-height: 1.2; font-weight: 650; }
h1 { text-wrap: balance; }
p { overflow-wrap: anywhere; text-wrap: pretty; }
ol { display: flex; flex-wrap: wrap; gap: .5rem; margin: 2rem 0; padding: 0; list-style: none; font-size: .9375rem; }
li { flex: 1 0 auto; min-width: 5.5rem; padding-top: .55rem; border-top: 3px solid var(--line); color: var(--soft); }
li.reached { border-color: var(--good); }
li.failed { border-color: var(--bad); color: var(--bad); font-weight: 650; }
li.failed::before { content: "✕ "; }
li.reached::before { content: "✓ "; color: var(--good); }
@media (max-width: 34rem) {
  ol { flex-direction: column; gap: 0; }
  li { flex: none; min-width: 0; padding: .3rem 0 .3rem .8rem; border-top: 0; border-left: 3px solid var(--line); }
}
.words { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; white-space: nowrap; }
.facts { color: var(--soft); font-size: .875rem; }
.facts code { display: inline-block; }
code { font: .9em ui-monospace, monospace; }
`;

function sentence(message: string): string {
  return message.charAt(0).toUpperCase() + message.slice(1) + (/[.!?]$/.test(message) ? '' : '.');
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
