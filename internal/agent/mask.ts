/**
 * How a websocket to this hub masks what it sends. The mask is there so that nothing on the way takes what passes for
 * something else (RFC 6455 §10.3): that needs a machine on the way that can read it. Where there is none the mask is zero,
 * which saves making a second copy of all that is sent.
 */
export function maskOptions(hub: URL, isProxied: boolean): { generateMask?: (mask: Buffer) => void } {
  const isLocal = thisMachine.test(hub.hostname) && !isProxied;
  return hub.protocol === 'https:' || isLocal ? { generateMask: zero } : {};
}

/** The names and addresses of this machine itself, as URLs write them. */
const thisMachine = /^((.+\.)?localhost|127(\.\d+){3}|\[::1\])$/;

function zero(mask: Buffer): void {
  mask.fill(0);
}
