/** `/metrics/spans`: a tenant's generated metrics, for those who scrape them. */
import { invalid } from '../../base/errors.ts';
import type { ApiPorts } from '../ports.ts';
import type { Route } from './route.ts';

export function generatedMetricsRoute(generatedMetrics: NonNullable<ApiPorts['generatedMetrics']>): Route {
  return {
    path: '/metrics/spans',
    prefixed: false,
    access: 'tenant',
    role: 'read',
    handle: async ({ tenant, request }) => {
      if (tenant.includes('|')) throw invalid('bad_tenant', 'generated metrics are those of one tenant');
      const { contentType, body } = await generatedMetrics(tenant, request.headers.accept);
      return { contentType, body, compressible: true };
    },
  };
}
