import http from 'node:http';
import https from 'node:https';

export interface VisitOptions {
  port: number;
  /** The Host header; names below localhost are no names for Node's resolver, so the address is dialled. */
  host: string;
  path?: string;
  method?: string;
  headers?: Record<string, string | string[]>;
  body?: Buffer | string;
  /** Speaks https, trusting this certificate. */
  ca?: Buffer | string;
  agent?: http.Agent;
}

export interface Visit {
  status: number;
  headers: http.IncomingHttpHeaders;
  rawHeaders: string[];
  body: Buffer;
  text: string;
}

/** One request as a visitor makes it. */
export async function visit(options: VisitOptions): Promise<Visit> {
  const { port, host, path = '/', method = 'GET', headers = {}, body, ca, agent } = options;
  const secure = ca === undefined ? {} : { ca, servername: host.replace(/:\d+$/, '') };
  return await new Promise((resolve, reject) => {
    const request = (ca === undefined ? http : https).request(
      {
        host: '127.0.0.1',
        port,
        path,
        method,
        headers: { Host: host, ...lengthOf(body, headers), ...headers },
        ...secure,
        ...(agent && { agent }),
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () => {
          const whole = Buffer.concat(chunks);
          const { statusCode: status = 0, rawHeaders } = response;
          resolve({ status, headers: response.headers, rawHeaders, body: whole, text: whole.toString('utf8') });
        });
      },
    );
    request.once('error', reject);
    request.end(body);
  });
}

/** Node announces no length for a DELETE, whose body would then be read as the next request. */
function lengthOf(body: Buffer | string | undefined, headers: object): Record<string, string> {
  const isChunked = Object.keys(headers).some((name) => name.toLowerCase() === 'transfer-encoding');
  return body === undefined || body.length === 0 || isChunked ? {} : { 'Content-Length': `${Buffer.byteLength(body)}` };
}
