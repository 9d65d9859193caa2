/** TLS of a listener, with the texts of its PEM files, which may be renewed while it listens. */
import type { Server, TlsOptions } from 'node:tls';

export interface ServerTls {
  readonly cert: string;
  readonly key: string;
  /** Clients must show a certificate that one of these signed, or may leave it out when `clientCertOptional`. */
  readonly clientCa?: string;
  /** A client without a certificate is let in; one with a certificate that nobody known signed is not. */
  readonly clientCertOptional?: boolean;
  readonly minVersion?: TlsOptions['minVersion'];
  /** In OpenSSL's notation, for TLS 1.2. */
  readonly ciphers?: string;
  /** Calls back with renewed certificates until what it returns is called. Unset: they stay as they are. */
  readonly follow?: (onRenewed: (renewed: ServerTls) => void) => () => void;
}

/** In the words of Node's servers. */
export function nodeTls(tls: ServerTls): TlsOptions {
  return {
    cert: tls.cert,
    key: tls.key,
    ...(tls.minVersion !== undefined && { minVersion: tls.minVersion }),
    ...(tls.ciphers !== undefined && { ciphers: tls.ciphers }),
    ...(tls.clientCa !== undefined && {
      ca: tls.clientCa,
      requestCert: true,
      rejectUnauthorized: tls.clientCertOptional !== true,
    }),
  };
}

/** New connections get renewed certificates, and strangers with certificates are cut, until `server` is closed. */
export function guardTls(server: Server, tls: ServerTls): void {
  if (tls.clientCertOptional === true) {
    server.prependListener('secureConnection', (socket) => {
      if (!socket.authorized && socket.getPeerX509Certificate() !== undefined) socket.destroy();
    });
  }
  const unfollow = tls.follow?.((renewed) => server.setSecureContext(nodeTls(renewed)));
  if (unfollow !== undefined) server.once('close', unfollow);
}
