/** The one place where it is decided whether somebody may ask for a tenant's data. */
import { forbidden, type Principal, type Role, requireRole, requireTenants } from '../auth/principal.ts';
import { resolveTenant, type TenantOptions } from './tenant.ts';

/**
 * The tenant, or the tenants joined by `|`, that a request is for. Whoever has a single one need not name it.
 * @param header `X-Scope-OrgID`. @throws RubatoError of kind `forbidden`, and those of `resolveTenant`
 */
export function permittedTenant(
  principal: Principal,
  role: Role,
  header: string | undefined,
  options: TenantOptions,
): string {
  requireRole(principal, role);
  const tenant = resolveTenant(header === undefined || header === '' ? onlyTenant(principal) : header, options);
  // Without multitenancy everything belongs to one, which nobody has to be given.
  if (options.multitenancy) requireTenants(principal, tenant);
  return tenant;
}

function onlyTenant({ tenants }: Principal): string | undefined {
  return tenants !== 'all' && tenants.size === 1 ? [...tenants][0] : undefined;
}

/** For what tells of all tenants. @throws RubatoError of kind `forbidden` */
export function permitOverview(principal: Principal, role: Role, options: TenantOptions): void {
  requireRole(principal, role);
  if (options.multitenancy && principal.tenants !== 'all') throw forbidden('the right to all tenants is needed');
}
