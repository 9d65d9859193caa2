/** Routes about the process, not about anybody's data: no tenant, no compression. */
import type { Role } from '../../auth/principal.ts';
import type { ApiPorts } from '../ports.ts';
import { notFound } from './errors.ts';
import { jsonType, type Reply, textType } from './reply.ts';
import type { Call, Route } from './route.ts';
import { type StatusPage, statusPage, statusPages } from './status-pages.ts';

/** Prometheus' text format. */
const metricsType = 'text/plain; version=0.0.4; charset=utf-8';

/** `endpoints` lists the paths of all routes. */
export function statusRoutes(ports: ApiPorts, endpoints: () => readonly string[]): Route[] {
  const { status, usageMetrics } = ports;
  type Handle = (call: Call) => Promise<Reply> | Reply;
  const open = (path: string, prefixed: boolean, handle: Handle): Route => ({ path, prefixed, access: 'open', handle });
  const anyone = (path: string, handle: Handle): Route => ({ path, prefixed: true, access: 'anyone', handle });
  const overview = (path: string, role: Role, handle: Handle): Route => ({
    path,
    prefixed: false,
    access: 'overview',
    role,
    handle,
  });
  const metrics = (path: string, handle: Handle): Route =>
    ports.publicMetrics === true ? open(path, false, handle) : overview(path, 'read', handle);
  const page = (name: StatusPage, call: Call): string => statusPage(name, status, endpoints(), call.params.get('mode'));
  return [
    open('/api/echo', true, () => plainText('echo\n')),
    open('/ready', false, () => ready(ports)),
    anyone('/api/status/buildinfo', () => buildInfo(ports)),
    anyone('/status/usage-stats', () => plainText('usage-stats is not enabled\n')),
    metrics('/metrics', async ({ request }) => {
      const { contentType, body } = await status.metrics(request.headers.accept);
      return { contentType, body };
    }),
    ...(usageMetrics === undefined
      ? []
      : [metrics('/usage_metrics', async () => ({ contentType: metricsType, body: await usageMetrics() }))]),
    overview('/status', 'admin', (call) => statusText(statusPages.map((name) => page(name, call)).join(''))),
    overview('/status/{endpoint}', 'admin', (call) => {
      const name = statusPages.find((candidate) => candidate === call.pathPart);
      return name === undefined ? notFound : statusText(page(name, call));
    }),
  ];
}

function buildInfo(ports: ApiPorts): Reply {
  const { version, revision, branch, buildUser, buildDate, runtimeVersion } = ports.status.buildInfo();
  const body = JSON.stringify({ version, revision, branch, buildUser, buildDate, goVersion: runtimeVersion });
  return { contentType: jsonType, body };
}

function ready(ports: ApiPorts): Reply {
  const { ready: isReady, reason } = ports.status.readiness();
  return isReady ? plainText('ready\n') : { ...plainText(`${reason}\n`), status: 503 };
}

function plainText(body: string): Reply {
  return { contentType: textType, headers: { 'x-content-type-options': 'nosniff' }, body };
}

const statusText = (body: string): Reply => ({ contentType: 'text/plain', body });
