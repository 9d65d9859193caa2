/**
 * Tokens for Azure without an account key: from the managed identity of the machine or container, or in exchange for the
 * token that Kubernetes writes into a file (workload identity). The SDK keeps a token until it is about to end.
 */
import { readFileSync } from 'node:fs';
import { ErrorKind, RubatoError } from '../base/errors.ts';
import { unavailable } from './object-store.ts';

const resource = 'https://storage.azure.com/';
const scope = `${resource}.default`;
const machineEndpoint = 'http://169.254.169.254/metadata/identity/oauth2/token';
const authorityDefault = 'https://login.microsoftonline.com/';
const timeoutMs = 10_000;

export interface AzureToken {
  readonly token: string;
  readonly expiresOnTimestamp: number;
}

/** @param env of a container app or function: IDENTITY_ENDPOINT, IDENTITY_HEADER; without them the machine is asked. */
export function managedIdentityToken(clientId: string | undefined, env: NodeJS.ProcessEnv): Promise<AzureToken> {
  const { IDENTITY_ENDPOINT: endpoint, IDENTITY_HEADER: secret } = env;
  const hosted = endpoint !== undefined && secret !== undefined;
  const url = new URL(hosted ? endpoint : machineEndpoint);
  url.searchParams.set('api-version', hosted ? '2019-08-01' : '2018-02-01');
  url.searchParams.set('resource', resource);
  if (clientId !== undefined) url.searchParams.set('client_id', clientId);
  return askToken(url, { headers: hosted ? { 'X-IDENTITY-HEADER': secret } : { Metadata: 'true' } });
}

/** @param env what the workload identity webhook sets. @throws RubatoError config when it has not */
export function federatedToken(env: NodeJS.ProcessEnv): Promise<AzureToken> {
  const { AZURE_CLIENT_ID: clientId, AZURE_TENANT_ID: tenant, AZURE_FEDERATED_TOKEN_FILE: file } = env;
  if (clientId === undefined || tenant === undefined || file === undefined) {
    const names = 'AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_FEDERATED_TOKEN_FILE';
    throw new RubatoError(ErrorKind.config, 'bad_storage', `use_federated_token needs ${names} in the environment`);
  }
  const url = new URL(`${tenant}/oauth2/v2.0/token`, env['AZURE_AUTHORITY_HOST'] ?? authorityDefault);
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: clientId,
    scope,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: readFileSync(file, 'utf8').trim(),
  });
  return askToken(url, { method: 'POST', body });
}

async function askToken(url: URL, request: RequestInit): Promise<AzureToken> {
  const answer = await fetch(url, { ...request, signal: AbortSignal.timeout(timeoutMs) }).catch((error: unknown) => {
    throw unavailable('store_denied', `no token from ${url.origin}: it does not answer`, error);
  });
  const text = await answer.text();
  if (!answer.ok)
    throw unavailable('store_denied', `no token from ${url.origin}: ${answer.status} ${text.slice(0, 300)}`);
  const { access_token: token, expires_in: seconds } = JSON.parse(text) as Record<string, string | number>;
  return { token: String(token), expiresOnTimestamp: Date.now() + Number(seconds) * 1000 };
}
