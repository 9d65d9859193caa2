/**
 * Which tenant a request is for: header `X-Scope-OrgID` (gRPC metadata `x-scope-orgid`). A query may name several,
 * separated by `|`.
 */
import { invalid } from '../base/errors.ts';

/** Without multitenancy everything belongs to this one. */
export const SINGLE_TENANT = 'single-tenant';

const TENANT_BYTES_MAX = 150;
const TENANTS_MAX = 1000;

export interface TenantOptions {
  /** Off: the header is ignored. */
  readonly multitenancy: boolean;
  /** Whether a query may name several tenants. */
  readonly multiTenantQueries: boolean;
}

/**
 * One tenant id, or several: each once, sorted, joined by `|`.
 * @throws RubatoError `no_org_id` when multitenancy is on and nothing is given; others of kind `invalid`.
 */
export function resolveTenant(header: string | undefined, options: TenantOptions): string {
  if (!options.multitenancy) return SINGLE_TENANT;
  const ids = new Set((header ?? '').split('|').map(withoutMetadata));
  if (ids.has('')) throw invalid('no_org_id', 'no org id');
  for (const id of ids) checkTenantId(id);
  if (ids.size > 1 && !options.multiTenantQueries)
    throw invalid('bad_tenant', 'multiple org IDs present, but queries over several tenants are not enabled');
  if (ids.size > TENANTS_MAX) throw invalid('bad_tenant', `a query can name at most ${TENANTS_MAX} tenants`);
  return [...ids].sort().join('|');
}

/** @throws RubatoError `bad_tenant` */
export function checkTenantId(id: string): void {
  const unsupported = /[^a-zA-Z0-9!\-_.*'()]/u.exec(id);
  if (unsupported !== null)
    throw invalid('bad_tenant', `tenant ID '${id.slice(0, 200)}' contains unsupported character '${unsupported[0]}'`);
  if (id === '.' || id === '..') throw invalid('bad_tenant', `tenant ID is '.' or '..'`);
  if (id.length > TENANT_BYTES_MAX)
    throw invalid('bad_tenant', `tenant ID is too long: max ${TENANT_BYTES_MAX} characters`);
}

/** `tenant:key=value` → `tenant` */
function withoutMetadata(id: string): string {
  const trimmed = id.trim();
  const colon = trimmed.indexOf(':');
  return colon === -1 ? trimmed : trimmed.slice(0, colon);
}
