/** Routes about the process, not about anybody's data: no tenant, no compression. */
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
  const open = (path: string, prefixed: boolean, handle: (call: Call) => Promise<Reply> | Reply): Route => ({
    path,
    prefixed,
    access: 'open',
    handle,
  });
  const page = (name: StatusPage, call: Call): string => statusPage(name, status, endpoints(), call.params.get('mode'));
  return [
    open('/api/echo', true, () => plainText('echo\n')),
    open('/api/status/buildinfo', true, () => buildInfo(ports)),
    open('/ready', false, () => ready(ports)),
    open('/metrics', false, async () => {
      const { contentType, body } = await status.metrics();
      return { contentType, body };
    }),
    open('/status', false, (call) => statusText(statusPages.map((name) => page(name, call)).join(''))),
    open('/status/usage-stats', true, () => plainText('usage-stats is not enabled\n')),
    ...(usageMetrics === undefined
      ? []
      : [open('/usage_metrics', false, async () => ({ contentType: metricsType, body: await usageMetrics() }))]),
    open('/status/{endpoint}', false, (call) => {
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
