import type { Socket } from 'node:net';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';

/** What an https origin's certificate is checked against. */
export interface OriginTrust {
  /** Certificates to trust instead of the system's, PEM. */
  ca: Buffer | undefined;
  /** Takes every certificate. */
  isInsecure: boolean;
}

export const systemTrust: OriginTrust = { ca: undefined, isInsecure: false };

/** Reading certificates is dear: one context serves every connection. */
export function contextOf({ ca }: OriginTrust): SecureContext {
  return createSecureContext(ca ? { ca } : {});
}

/** Why a connection was given up because of the certificate, and what to do; undefined when it was not. */
export function whyDistrusted(socket: Socket, reason: Error): string | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorizationError) return undefined;
  const code = String(socket.authorizationError);
  // These two stay wrong whoever has signed it.
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID' || code === 'CERT_HAS_EXPIRED') {
    return `its certificate is not valid (${code}: ${reason.message}): give it another one, or use --insecure-origin`;
  }
  return `its certificate is not trusted (${code}): name its CA with --origin-ca, or use --insecure-origin`;
}
