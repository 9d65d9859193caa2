/** `/api/redact`: takes traces of a tenant out of everything that is stored. Ours; Tempo has a gRPC call of its scheduler. */
import { invalid } from '../../base/errors.ts';
import type { RedactTraces } from '../ports.ts';
import { parseTraceId } from '../requests/trace-id.ts';
import { jsonType, type Reply } from './reply.ts';
import type { Route, TenantCall } from './route.ts';
import { jsonBody } from './small-body.ts';

/** Each block is looked through for all of them at once; more come with the next request. */
const traceIdsMax = 1000;

export function redactRoute(redact: RedactTraces): Route {
  return {
    path: '/api/redact',
    prefixed: true,
    access: 'tenant',
    role: 'admin',
    handle: (call) => handle(redact, call),
  };
}

async function handle(redact: RedactTraces, { tenant, request }: TenantCall): Promise<Reply> {
  if (request.method !== 'POST') return { status: 405, headers: { allow: 'POST' }, body: '' };
  if (tenant.includes('|')) throw invalid('bad_tenant', 'traces are removed of one tenant at a time');
  const body = await jsonBody(request);
  const ids = typeof body === 'object' && body !== null && 'traceIds' in body ? body.traceIds : undefined;
  if (!Array.isArray(ids) || ids.length === 0 || !ids.every((id) => typeof id === 'string'))
    throw invalid('bad_json', 'expected {"traceIds": ["…", …]}');
  if (ids.length > traceIdsMax) throw invalid('too_many_ids', `at most ${traceIdsMax} traces at a time`);
  const result = await redact({ tenant, traceIds: ids.map(parseTraceId) });
  return { contentType: jsonType, body: JSON.stringify(result), audit: { traceIds: ids, ...result } };
}
