/**
 * Where a tenant's things stand. Everything of a tenant is below `tenants/<name>/`, so that no tenant's id can meet
 * another top-level prefix.
 */
import { assert } from '../base/assert.ts';
import { ErrorKind, RubatoError } from '../base/errors.ts';

export const tenantsPrefix = 'tenants/';

/** Tempo's rules: up to 150 bytes of these characters, all of which keys may have; not `.` or `..`. */
const tenantPattern = /^[a-zA-Z0-9!\-_.*'()]{1,150}$/;

const manifestVersionMax = 9_999_999_999;

/**
 * The part of a key that stands for a tenant: the id itself, with dots at its ends written `=2E`. Such names are hidden on
 * disks, and refused by Azure at the end; no id has a `=`, so two tenants never share a name.
 * @throws kind `invalid` for an id that no tenant can have
 */
export function tenantName(tenant: string): string {
  if (!tenantPattern.test(tenant) || tenant === '.' || tenant === '..')
    throw new RubatoError(ErrorKind.invalid, 'bad_tenant', `${JSON.stringify(tenant.slice(0, 200))} is no tenant id`);
  return tenant.replace(/^\.|\.$/g, '=2E');
}

/** The inverse of {@link tenantName}; undefined for what it never returns. */
export function tenantOfName(name: string): string | undefined {
  const tenant = name.replace(/^=2E|=2E$/g, '.');
  if (!tenantPattern.test(tenant) || tenant === '.' || tenant === '..') return undefined;
  return tenantName(tenant) === name ? tenant : undefined;
}

export function manifestPrefix(tenant: string): string {
  return `${tenantsPrefix}${tenantName(tenant)}/manifest/`;
}

export function manifestKey(tenant: string, version: number): string {
  assert(Number.isInteger(version) && version >= 0 && version <= manifestVersionMax, 'manifest version is in range');
  return manifestPrefix(tenant) + String(version).padStart(10, '0');
}

/** The version that a key under `manifestPrefix(tenant)` names; undefined when it names none. */
export function versionOfKey(tenant: string, key: string): number | undefined {
  const name = key.slice(manifestPrefix(tenant).length);
  return /^[0-9]{10}$/.test(name) ? Number(name) : undefined;
}

export function blocksPrefix(tenant: string): string {
  return `${tenantsPrefix}${tenantName(tenant)}/blocks/`;
}

/** The block whose files lie below `prefix`, which ends without a slash; undefined when it is not a block's. */
export function blockOfPrefix(prefix: string): { readonly tenant: string; readonly id: string } | undefined {
  const [root, name, kind, id, ...more] = prefix.split('/');
  if (`${root}/` !== tenantsPrefix || kind !== 'blocks' || !id || more.length > 0) return undefined;
  const tenant = tenantOfName(name ?? '');
  return tenant === undefined ? undefined : { tenant, id };
}

/** `file` is a name of `BlockMeta.files`. */
export function blockFileKey(tenant: string, blockId: string, file: string): string {
  return `${blocksPrefix(tenant)}${blockId}/${file}`;
}
