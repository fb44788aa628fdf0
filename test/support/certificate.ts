import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Certificates {
  /** What a client trusts the certificate by. */
  caPem: string;
  caPath: string;
  /** The chain and its key, as a server reads them. */
  certPath: string;
  keyPath: string;
}

const names = ['DNS:tunnel.test', 'DNS:*.tunnel.test', 'DNS:localhost', 'DNS:*.localhost', 'IP:127.0.0.1'];

/** Makes an authority and a certificate of it for the names that tests use, into `folder`. */
export function makeCertificates(folder: string): Certificates {
  const path = (name: string): string => join(folder, name);
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  };
  writeFileSync(path('openssl.cnf'), configuration);
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-config', 'openssl.cnf'];
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-subj',
    '/CN=Test CA',
    '-extensions',
    'ca',
    '-days',
    '2',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
  );
  openssl('req', ...newKey, '-subj', '/CN=tunnel.test', '-keyout', 'privkey.pem', '-out', 'request.pem');
  const issuing = [
    '-CA',
    'ca.pem',
    '-CAkey',
    'ca.key',
    '-CAcreateserial',
    '-extfile',
    'openssl.cnf',
    '-extensions',
    'leaf',
  ];
  openssl('x509', '-req', '-in', 'request.pem', ...issuing, '-days', '2', '-out', 'fullchain.pem');
  return {
    caPem: readFileSync(path('ca.pem'), 'utf8'),
    caPath: path('ca.pem'),
    certPath: path('fullchain.pem'),
    keyPath: path('privkey.pem'),
  };
}

const configuration = `
[req]
distinguished_name = subject
[subject]
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = ${names.join(', ')}
`;
