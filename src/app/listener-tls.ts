/** TLS of the HTTP and gRPC ports out of `server`'s keys. */
import type { ServerTls } from '../roles/write/server-tls.ts';
import type { Config } from './config/schema.ts';
import type { ListenerTlsConfig } from './config/tls-schema.ts';
import { type Pem, serverTls, type TlsLog } from './tls-files.ts';

const minVersions = {
  '': undefined,
  VersionTLS10: 'TLSv1',
  VersionTLS11: 'TLSv1.1',
  VersionTLS12: 'TLSv1.2',
  VersionTLS13: 'TLSv1.3',
} as const;

/** Undefined: the port speaks plain text. @throws RubatoError config */
export function listenerTls(tls: ListenerTlsConfig, server: Config['server'], log: TlsLog): ServerTls | undefined {
  const { cert, key, client_auth_type, reload_interval } = tls;
  if (cert === '' && tls.cert_file === '') return undefined;
  const ciphers = server.tls_cipher_suites.map(openSslName);
  return serverTls(
    {
      cert: pem(cert, tls.cert_file),
      key: pem(key, tls.key_file),
      clientCa: pem(tls.client_ca, tls.client_ca_file),
      clientCertOptional: client_auth_type === 'VerifyClientCertIfGiven',
      minVersion: minVersions[server.tls_min_version],
      // What is named here is for TLS 1.2; a list of ours would take 1.3's suites away.
      ciphers: ciphers.length === 0 ? undefined : [...suitesOf13, ...ciphers].join(':'),
      reloadMs: reload_interval,
    },
    log,
  );
}

const suitesOf13 = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];

const pem = (text: string, file: string): Pem => ({
  ...(text !== '' && { text }),
  ...(file !== '' && { file }),
});

/** `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256` is `ECDHE-RSA-AES128-GCM-SHA256` to OpenSSL. */
function openSslName(name: string): string {
  return name
    .replace(/^TLS_/, '')
    .replace('_WITH_', '_')
    .replace(/AES_(\d+)/, 'AES$1')
    .replace('_CBC', '')
    .replace(/(CHACHA20_POLY1305).*/, '$1')
    .replaceAll('_', '-');
}
