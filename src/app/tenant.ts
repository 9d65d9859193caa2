/** Tenant ids (contract 1.1): taken from X-Scope-OrgID where multitenancy is on, else one fixed tenant. */
import { ErrorKind, invalid, RubatoError } from '../base/errors.ts';

export const singleTenant = 'single-tenant';
const tenantBytesMax = 150;

/** @throws RubatoError invalid with Tempo's text. */
export function checkTenantId(id: string): string {
  if (Buffer.byteLength(id) > tenantBytesMax) {
    throw invalid('bad_tenant', `tenant ID is too long: max ${tenantBytesMax} characters`);
  }
  const bad = /[^a-zA-Z0-9!\-_.*'()]/u.exec(id);
  if (bad !== null) throw invalid('bad_tenant', `tenant ID '${id}' contains unsupported character '${bad[0]}'`);
  if (id === '.' || id === '..') throw invalid('bad_tenant', `tenant ID '${id}' is not allowed`);
  return id;
}

/** The tenant that a write is for. Several ids (`a|b`) are refused. @throws RubatoError `no_org_id` or invalid */
export function writeTenant(orgId: string | undefined, multitenancy: boolean): string {
  if (!multitenancy) return singleTenant;
  if (orgId === undefined || orgId === '') throw new RubatoError(ErrorKind.invalid, 'no_org_id', 'no org id');
  if (orgId.includes('|')) throw invalid('bad_tenant', 'a write must name exactly one tenant');
  return checkTenantId(stripMetadata(orgId));
}

/** A suffix `:key=value` carries metadata for others; it is not part of the id. */
function stripMetadata(id: string): string {
  const colon = id.indexOf(':');
  return colon < 0 ? id : id.slice(0, colon);
}
