/** The tenant that a write is for. */

import { resolveTenant } from '../api/tenant.ts';
import { invalid } from '../base/errors.ts';

/** Several ids (`a|b`) are refused. @throws RubatoError with code `no_org_id`, or of kind invalid */
export function writeTenant(orgId: string | undefined, multitenancy: boolean): string {
  const tenant = resolveTenant(orgId, { multitenancy, multiTenantQueries: true });
  if (tenant.includes('|')) throw invalid('bad_tenant', 'a write must name exactly one tenant');
  return tenant;
}
