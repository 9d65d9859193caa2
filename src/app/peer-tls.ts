/** TLS to other processes of the cluster, out of `cluster`'s keys. */
import type { PeerTls } from '../roles/tail/recent-client.ts';
import type { Config } from './config/schema.ts';
import { pemFile, reloadMsDefault, type TlsLog, watchFiles } from './tls-files.ts';

/** @throws RubatoError config: a file cannot be read */
export function peerTls({ cluster }: Pick<Config, 'cluster'>): PeerTls {
  const { tls_ca_path, tls_cert_path, tls_key_path, tls_server_name, tls_insecure_skip_verify } = cluster;
  return {
    ...(tls_ca_path !== '' && { ca: pemFile(tls_ca_path) }),
    ...(tls_cert_path !== '' && { cert: pemFile(tls_cert_path) }),
    ...(tls_key_path !== '' && { key: pemFile(tls_key_path) }),
    ...(tls_server_name !== '' && { servername: tls_server_name }),
    ...(tls_insecure_skip_verify && { rejectUnauthorized: false }),
  };
}

/** Calls back with renewed certificates until what it returns is called. */
export function followPeerTls(
  config: Pick<Config, 'cluster'>,
  onRenewed: (tls: PeerTls) => void,
  log: TlsLog,
): () => void {
  const { tls_ca_path, tls_cert_path, tls_key_path } = config.cluster;
  const files = [tls_ca_path, tls_cert_path, tls_key_path].filter((file) => file !== '');
  if (files.length === 0) return () => undefined;
  let seen = JSON.stringify(peerTls(config));
  return watchFiles(files, reloadMsDefault, () => {
    try {
      const found = peerTls(config);
      if (JSON.stringify(found) === seen) return;
      seen = JSON.stringify(found);
      onRenewed(found);
    } catch (error) {
      log.error({ files, reason: (error as Error).message }, 'new certificates cannot be used; the old ones stay');
    }
  });
}
