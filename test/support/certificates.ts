/** Certificates made for a test, by openssl: an authority of its own, and what it signs. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

export interface Issued {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: Buffer;
  readonly key: Buffer;
}

export class Authority {
  readonly #folder: string;
  readonly #name: string;
  readonly file: string;
  readonly pem: Buffer;

  constructor(folder: string, name: string) {
    this.#folder = folder;
    this.#name = name;
    const { certFile, cert } = make(folder, name, ['-addext', 'basicConstraints=critical,CA:TRUE']);
    this.file = certFile;
    this.pem = cert;
  }

  /** For 127.0.0.1, localhost and `name`; issued again under the same name it replaces the files. */
  issue(name: string): Issued {
    const ca = path.join(this.#folder, this.#name);
    return make(this.#folder, name, [
      ...['-CA', `${ca}.pem`, '-CAkey', `${ca}.key`],
      ...['-addext', `subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:${name}`],
    ]);
  }
}

function make(folder: string, name: string, more: readonly string[]): Issued {
  const certFile = path.join(folder, `${name}.pem`);
  const keyFile = path.join(folder, `${name}.key`);
  const args = [
    ...['req', '-x509', '-nodes', '-days', '2', '-subj', `/CN=${name}`],
    ...['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
    ...['-keyout', keyFile, '-out', certFile],
  ];
  execFileSync('openssl', [...args, ...more], { stdio: 'pipe' });
  return { certFile, keyFile, cert: readFileSync(certFile), key: readFileSync(keyFile) };
}

/** The reason to skip, or false. */
export const noOpenssl = ((): string | false => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'pipe' });
    return false;
  } catch {
    return 'SKIPPED: there is no openssl on the PATH';
  }
})();
