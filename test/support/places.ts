import { makeCertificates } from './certificate.ts';
import { type Cleanup, freePort, startAgent, startHub, startTunnel, temporaryFolder } from './processes.ts';

/** Where visitors find a tunnel, and how they speak to its hub. */
export interface Place {
  port: number;
  /** The tunnel's name, without a port. */
  host: string;
  tls?: { ca: string; servername: string };
}

/** The same service behind a hub on plain sockets and behind one on TLS. */
export async function startPlaces(t: Cleanup, originPort: number): Promise<Record<'plain' | 'TLS', Place>> {
  const [plain, TLS] = await Promise.all([overPlain(t, originPort), overTls(t, originPort)]);
  return { plain, TLS };
}

async function overPlain(t: Cleanup, originPort: number): Promise<Place> {
  const { port, host } = await startTunnel(t, originPort);
  return { port, host: host.replace(/:\d+$/, '') };
}

async function overTls(t: Cleanup, originPort: number): Promise<Place> {
  const { certPath, keyPath, caPath, caPem } = makeCertificates(temporaryFolder(t));
  const port = await freePort();
  const names = ['--listen', `127.0.0.1:${port}`, '--domain', 'tunnel.test', '--base', `https://localhost:${port}`];
  const hub = await startHub(t, [...names, '--tls-cert', certPath, '--tls-key', keyPath]);
  const agent = await startAgent(t, ['--hub', hub.url, '--hub-ca', caPath, String(originPort)]);
  return { port, host: agent.hostname, tls: { ca: caPem, servername: agent.hostname } };
}
