/** Where a command's answers come from: a server, or a data folder opened without one. Both speak the HTTP API. */
import { SINGLE_TENANT } from '../api/tenant.ts';
import { authorizationOf } from './credentials.ts';
import type { Io } from './io.ts';
import { usageError } from './options.ts';
import { QueryClient } from './query-client.ts';

export interface SourceValues {
  readonly url?: string | undefined;
  readonly data?: string | undefined;
  readonly tenant?: string | undefined;
}

export const urlDefault = 'http://127.0.0.1:3200';

/** Opens the source, lets `use` ask it, closes it. */
export async function withSource<Result>(
  values: SourceValues,
  io: Io,
  use: (client: QueryClient) => Promise<Result>,
): Promise<Result> {
  const { url, data, tenant } = values;
  if (data === undefined) {
    const client = new QueryClient({
      baseUrl: url ?? urlDefault,
      tenant,
      authorization: authorizationOf(process.env),
    });
    return use(client).finally(() => client.close());
  }
  if (url !== undefined) throw usageError('either --url or --data');
  // The engine and everything below it: not loaded by whoever asks a server.
  const { openDataFolder } = await import('../app/data-folder.ts');
  const folder = await openDataFolder(data, tenant);
  for (const { key, reason } of folder.damaged) io.err(`rubato: segment ${key} is left out: ${reason}`);
  const wanted = tenant ?? SINGLE_TENANT;
  if (!wanted.split('|').some((id) => folder.tenants.includes(id)))
    io.err(`rubato: nothing of tenant ${wanted} in ${data}; tenants here: ${folder.tenants.join(', ') || 'none'}`);
  const client = new QueryClient({ baseUrl: 'http://folder', tenant, connect: () => folder.connect() });
  return use(client).finally(() => folder.close());
}
