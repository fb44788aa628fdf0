let second = Number.NaN;
let text = '';

/** The present time as the `Date` field writes it (RFC 9110 §5.6.7). Made once a second. */
export function dateNow(): string {
  const now = Math.floor(Date.now() / 1_000);
  if (now !== second) {
    second = now;
    text = new Date(now * 1_000).toUTCString();
  }
  return text;
}
