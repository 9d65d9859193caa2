/** The agent's own HTTP port: /ready, /metrics, and /targets with all that it knows of targets and watches. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import type { AgentParts } from './agent-metrics.ts';

export interface StatusServer {
  readonly port: number;
  close(): Promise<void>;
}

export interface StatusServerOptions {
  readonly host: string;
  readonly port: number;
  readonly parts: AgentParts;
  readonly metrics: Registry;
  /** Why it is not ready; undefined: it is. */
  readonly notReady: () => string | undefined;
}

export async function startStatusServer(options: StatusServerOptions): Promise<StatusServer> {
  const server = http.createServer((request, response) => {
    answer(options, request)
      .catch((error: unknown) => ({ status: 500, type: 'text/plain', body: String(error) }))
      .then(({ status, type, body }) => response.writeHead(status, { 'content-type': type }).end(body));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

async function answer(
  { parts, metrics, notReady }: StatusServerOptions,
  request: http.IncomingMessage,
): Promise<Answer> {
  const type = 'text/plain; charset=utf-8';
  if (request.method !== 'GET' && request.method !== 'HEAD') return { status: 405, type, body: 'only GET\n' };
  switch ((request.url ?? '').split('?', 1)[0]) {
    case '/ready': {
      const reason = notReady();
      return reason === undefined ? { status: 200, type, body: 'ready\n' } : { status: 503, type, body: `${reason}\n` };
    }
    case '/metrics':
      return { status: 200, type: metrics.contentType, body: await metrics.metrics() };
    case '/targets':
      return { status: 200, type: 'application/json', body: JSON.stringify(targetsPage(parts), undefined, 2) };
    default:
      return { status: 404, type, body: 'try /ready, /metrics or /targets\n' };
  }
}

function targetsPage({ discovery, enricher, spool, sender, delivery }: AgentParts): object {
  const byJob = Map.groupBy(discovery.targets.targets(), ({ job }) => job);
  const counts = discovery.targets.counts();
  return {
    kubernetes: discovery.mirrors && { pods: discovery.pods.size, watches: discovery.mirrors.status() },
    jobs: discovery.jobs.map(({ name, discoveries }) => ({
      job: name,
      discovery: discoveries.map(({ status }) => status),
      dropped: counts.get(name)?.dropped ?? 0,
      targets: (byJob.get(name) ?? []).map(({ address, podUid, container, labels }) => ({
        address,
        ...(podUid !== undefined && { podUid, container }),
        labels: Object.fromEntries(labels),
      })),
    })),
    spans: enricher.counters,
    spool: { bytes: spool.bytes, segments: spool.segments },
    server: { ...sender.counters, refusedSpans: delivery.refusedSpans, lastError: sender.lastError },
  };
}
