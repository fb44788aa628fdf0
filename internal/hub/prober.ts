import { request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';
import type { Clock } from '#internal/core/clock';
import { messageOf } from '#internal/core/errors';
import { limits } from '#messages/limits';
import { type ProbeOutcome, probePath } from '#messages/v2';

export interface ProbeResult {
  outcome: ProbeOutcome;
  /** Why it failed or is not known. */
  detail: string;
}

export interface ProberOptions {
  /** Where visitors connect, if the operator has named it. */
  named: URL | undefined;
  /** What we listen on ourselves: only a guess at how visitors come. */
  own: URL;
  /** Empty when tunnels have no hostnames. */
  domain: string;
  isPathRouting: boolean;
}

export interface ProberDeps {
  clock: Clock;
  /** Whether the hub is about to end, and visitors are told to go elsewhere. */
  isClosing(): boolean;
}

/** How long an answer may take: the agent waits for 10 s to hear of it. */
const answerMs = 5_000;

/** Requests tunnels at their public address, as visitors do. */
export class Prober {
  readonly #options: ProberOptions;
  readonly #address: URL;
  readonly #deps: ProberDeps;
  /** What is asked now, as client id and nonce. */
  readonly #outstanding = new Set<string>();

  constructor(options: ProberOptions, deps: ProberDeps) {
    this.#options = options;
    this.#address = options.named ?? options.own;
    this.#deps = deps;
  }

  /** Whether a request to a tunnel is one that we make now. */
  isProbe(clientId: string, target: string): boolean {
    if (this.#outstanding.size === 0 || !target.startsWith(probePath)) return false;
    return this.#outstanding.has(clientId + target.slice(probePath.length));
  }

  /** Never rejects. */
  async probe(clientId: string, nonce: string): Promise<ProbeResult> {
    const { domain, isPathRouting, named } = this.#options;
    if (domain === '' && !isPathRouting) return unknown('this hub has no public address for tunnels');
    if (this.#deps.isClosing()) return unknown('the hub is about to end');
    if (this.#outstanding.size >= limits.probeCount) return unknown('the hub has too many others to ask');
    const asked = clientId + nonce;
    this.#outstanding.add(asked);
    try {
      const { status, code, body } = await this.#get(clientId, nonce);
      if (status === 200 && body === nonce) return { outcome: 'ok', detail: '' };
      if (status === 429) return unknown('too many requests are made of this tunnel');
      return failed(status === 200 ? 'somebody else answers there' : `the answer is ${status}${code && ` (${code})`}`);
    } catch (error) {
      const detail = `${this.#address.origin} cannot be asked: ${messageOf(error)}`;
      return named ? failed(detail) : unknown(detail);
    } finally {
      this.#outstanding.delete(asked);
    }
  }

  async #get(clientId: string, nonce: string): Promise<{ status: number; code: string; body: string }> {
    const { domain } = this.#options;
    const address = this.#address;
    const name = domain === '' ? address.hostname : `${clientId}.${domain}`;
    const prefix = domain === '' ? `/proxy/request/${clientId}` : '';
    const isSecure = address.protocol === 'https:';
    return await new Promise((resolve, reject) => {
      const request = (isSecure ? requestTls : requestPlain)({
        host: address.hostname.replace(/^\[|\]$/g, ''),
        port: address.port || (isSecure ? 443 : 80),
        path: `${prefix}${probePath}${nonce}`,
        headers: { Host: address.port === '' ? name : `${name}:${address.port}` },
        agent: false,
        // The way is what is asked about. Whether browsers trust the certificate, an authority of one's own included, is not.
        ...(isSecure && { rejectUnauthorized: false, ...(domain !== '' && { servername: name }) }),
      });
      const stopTimer = this.#deps.clock.after(answerMs, () => {
        request.destroy(new Error(`no answer within ${answerMs / 1_000} s`));
      });
      request.once('close', stopTimer);
      request.once('error', reject);
      request.once('response', (response) => {
        let body = '';
        response.setEncoding('latin1');
        response.once('error', reject);
        response.on('data', (chunk: string) => {
          body = (body + chunk).slice(0, nonce.length + 1);
        });
        response.once('end', () => {
          const { statusCode: status = 0, headers } = response;
          resolve({ status, code: [headers['adit-error'] ?? ''].flat().join(), body });
        });
      });
      request.end();
    });
  }
}

function failed(detail: string): ProbeResult {
  return { outcome: 'failed', detail: detail.slice(0, limits.statusText) };
}

function unknown(detail: string): ProbeResult {
  return { outcome: 'unknown', detail: detail.slice(0, limits.statusText) };
}
