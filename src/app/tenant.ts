/** The tenant that a write is for. */

import { permittedTenant } from '../api/access.ts';
import type { Principal } from '../auth/principal.ts';
import { invalid } from '../base/errors.ts';

/**
 * Several ids (`a|b`) are refused.
 * @throws RubatoError with code `no_org_id`, or of kind `invalid` or `forbidden`
 */
export function writeTenant(principal: Principal, orgId: string | undefined, multitenancy: boolean): string {
  const tenant = permittedTenant(principal, 'write', orgId, { multitenancy, multiTenantQueries: true });
  if (tenant.includes('|')) throw invalid('bad_tenant', 'a write must name exactly one tenant');
  return tenant;
}
