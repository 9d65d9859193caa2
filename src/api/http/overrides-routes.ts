/** `/api/overrides`: the limits that a tenant sets itself. Methods count here, unlike on query routes. */
import { ErrorKind, invalid, RubatoError } from '../../base/errors.ts';
import type { UserOverridesApi, VersionedLimits } from '../ports.ts';
import { notFound } from './errors.ts';
import { jsonType, type Reply, type Request } from './reply.ts';
import type { Route, TenantCall } from './route.ts';
import { jsonBody } from './small-body.ts';

export function overridesRoutes(overrides: UserOverridesApi): Route[] {
  return [
    {
      path: '/api/overrides',
      prefixed: true,
      access: 'tenant',
      role: (method) => (method === 'GET' || method === 'HEAD' ? 'read' : 'admin'),
      handle: (call) => handle(overrides, call),
    },
  ];
}

async function handle(overrides: UserOverridesApi, call: TenantCall): Promise<Reply> {
  const { tenant, params, request } = call;
  if (tenant.includes('|')) throw invalid('bad_tenant', 'limits are those of one tenant');
  const options = { skipConflictCheck: params.flag('skip-conflicting-overrides-check') };
  switch (request.method) {
    case 'GET':
    case 'HEAD':
      return get(overrides, tenant, params.get('scope') ?? 'api');
    case 'POST': {
      const expected = ifMatch(request);
      const limits = await jsonBody(request);
      const version = await overrides.set(tenant, limits, expected, options);
      return { headers: { etag: version }, body: '', audit: { version, limits } };
    }
    case 'PATCH':
      return patched(await overrides.patch(tenant, await jsonBody(request), options));
    case 'DELETE':
      await overrides.delete(tenant, ifMatch(request));
      return { body: '' };
    default:
      return { status: 405, headers: { allow: 'GET, HEAD, POST, PATCH, DELETE' }, body: '' };
  }
}

async function get(overrides: UserOverridesApi, tenant: string, scope: string): Promise<Reply> {
  if (scope !== 'api' && scope !== 'merged')
    throw invalid('bad_scope', `unknown scope "${scope.slice(0, 100)}", valid options are api and merged`);
  try {
    return limitsReply(await overrides.get(tenant, scope));
  } catch (error) {
    if (error instanceof RubatoError && error.kind === ErrorKind.notFound) return { ...notFound, body: '' };
    throw error;
  }
}

function patched({ limits, version }: VersionedLimits): Reply {
  return { ...limitsReply({ limits, version }), audit: { version, limits } };
}

function limitsReply({ limits, version }: VersionedLimits): Reply {
  return { contentType: jsonType, headers: { etag: version }, body: JSON.stringify(limits) };
}

/** The version that the caller has seen, as our ETag or in quotes. @throws RubatoError `no_if_match` */
function ifMatch(request: Request): string {
  const header = request.headers['if-match'];
  if (header === undefined || header === '') throw invalid('no_if_match', 'must specify If-Match header');
  return String(header).replace(/^"(.*)"$/, '$1');
}
