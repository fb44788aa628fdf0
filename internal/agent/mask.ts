/**
 * Whether a websocket to this hub masks what it sends with 0. The mask is there so that nothing on the way takes what passes for
 * something else (RFC 6455 §10.3): that needs a machine on the way that can read it. Where there is none the mask is zero,
 * which saves making a second copy of all that is sent.
 */
export function isMaskZero(hub: URL, isProxied: boolean): boolean {
  const isLocal = thisMachine.test(hub.hostname) && !isProxied;
  return hub.protocol === 'https:' || isLocal;
}

/** The same, as options for the websocket. */
export function maskOptions(isZero: boolean): { generateMask?: (mask: Buffer) => void } {
  return isZero ? { generateMask: zero } : {};
}

/** The names and addresses of this machine itself, as URLs write them. */
const thisMachine = /^((.+\.)?localhost|127(\.\d+){3}|\[::1\])$/;

function zero(mask: Buffer): void {
  mask.fill(0);
}
