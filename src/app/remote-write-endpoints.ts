/** Endpoints of remote write out of the configuration: secrets and certificates come from it or from files. */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { ErrorKind, RubatoError } from '../base/errors.ts';
import type { Endpoint, TlsOptions } from '../roles/metrics/remote-write-client.ts';
import type { RemoteWriteConfig } from './config/generator-schema.ts';

const versions = { 'prometheus.WriteRequest': '1.0', 'io.prometheus.write.v2.Request': '2.0' } as const;

/** @throws RubatoError config: two of a name, two kinds of authorization, or a file that cannot be read */
export function remoteWriteEndpoints(configs: readonly RemoteWriteConfig[]): Endpoint[] {
  const endpoints = configs.map(endpointOf);
  const names = new Set<string>();
  for (const { name } of endpoints) {
    if (names.has(name)) throw badRemoteWrite(`two endpoints are called ${name}; give each its own "name"`);
    names.add(name);
  }
  return endpoints;
}

function endpointOf(config: RemoteWriteConfig): Endpoint {
  const { queue_config: queue } = config;
  return {
    name: config.name ?? new URL(config.url).host,
    url: config.url,
    version: config.protobuf_message && versions[config.protobuf_message],
    headers: Object.fromEntries(Object.entries(config.headers).map(([name, value]) => [name.toLowerCase(), value])),
    authorization: authorizationOf(config),
    tls: tlsOf(config),
    timeoutMs: config.remote_timeout,
    samplesMax: queue.max_samples_per_send,
    exemplars: config.send_exemplars,
    retryOn429: queue.retry_on_http_429,
    backoffMs: { min: queue.min_backoff, max: queue.max_backoff },
    queueBytesMax: config.queue_bytes,
  };
}

function authorizationOf(config: RemoteWriteConfig): () => Promise<string | undefined> {
  const { basic_auth: basic, authorization, bearer_token: token, bearer_token_file: tokenFile } = config;
  const kinds = [basic, authorization, token ?? tokenFile].filter((kind) => kind !== undefined);
  if (kinds.length > 1) throw badRemoteWrite(`${new URL(config.url).host} has more than one kind of authorization`);
  if (basic !== undefined) {
    return async () => {
      const user = await textOrFile(basic.username, basic.username_file);
      const password = await textOrFile(basic.password, basic.password_file);
      return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    };
  }
  if (authorization !== undefined) {
    const { type, credentials, credentials_file: file } = authorization;
    return async () => `${type} ${await textOrFile(credentials, file)}`;
  }
  if (kinds.length === 0) return async () => undefined;
  return async () => `Bearer ${await textOrFile(token, tokenFile)}`;
}

async function textOrFile(text: string | undefined, file: string | undefined): Promise<string> {
  return text ?? (file === undefined ? '' : (await readFile(file, 'utf8')).trim());
}

function tlsOf({ tls_config: tls }: RemoteWriteConfig): TlsOptions | undefined {
  if (tls === undefined) return undefined;
  return {
    ca: tls.ca ?? readPem(tls.ca_file),
    cert: tls.cert ?? readPem(tls.cert_file),
    key: tls.key ?? readPem(tls.key_file),
    serverName: tls.server_name,
    skipVerify: tls.insecure_skip_verify,
  };
}

function readPem(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw badRemoteWrite(`cannot read ${file}: ${(error as Error).message}`);
  }
}

function badRemoteWrite(what: string): RubatoError {
  return new RubatoError(ErrorKind.config, 'bad_remote_write', `metrics_generator.storage.remote_write: ${what}`);
}
