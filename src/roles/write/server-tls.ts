/** TLS of a listener, with the texts of its PEM files. */
import type { TlsOptions } from 'node:tls';

export interface ServerTls {
  readonly cert: string;
  readonly key: string;
  /** Clients must show a certificate that one of these signed. */
  readonly clientCa?: string;
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
}

/** In the words of Node's servers. */
export function nodeTls(tls: ServerTls): TlsOptions {
  return {
    cert: tls.cert,
    key: tls.key,
    ...(tls.minVersion !== undefined && { minVersion: tls.minVersion }),
    ...(tls.clientCa !== undefined && { ca: tls.clientCa, requestCert: true, rejectUnauthorized: true }),
  };
}
