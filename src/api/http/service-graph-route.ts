/** `/api/service-graph`: which services call which, for the web UI and whoever else draws it. */
import type { Pipeline } from '../../traceql/ast.ts';
import { checkQuery } from '../../traceql/check.ts';
import { parseQuery } from '../../traceql/parser.ts';
import type { TimeRange } from '../../traceql/result.ts';
import type { RequestSummary } from '../../traceql/service-graph.ts';
import type { ServiceGraphAnswer } from '../contract/service-graph.ts';
import type { ApiPorts } from '../ports.ts';
import { inContext, parseUnsigned } from '../requests/params.ts';
import { refuseLongQuery } from '../requests/search-request.ts';
import { checkMetricsDuration, metricsRange } from '../requests/time-range.ts';
import { jsonType, type Reply } from './reply.ts';
import type { Route, TenantCall } from './route.ts';

/** Nobody can read a picture of more. */
const nodesDefault = 200;
const nodesMax = 2000;

export function serviceGraphRoute(ports: ApiPorts): Route {
  return {
    path: '/api/service-graph',
    prefixed: true,
    access: 'tenant',
    role: 'read',
    handle: (call) => serviceGraph(ports, call),
  };
}

async function serviceGraph(ports: ApiPorts, { params, tenant, limits, signal }: TenantCall): Promise<Reply> {
  const range = metricsRange(params, ports.clock.nowMs());
  checkMetricsDuration(range, limits.metricsDurationMaxMs);
  const text = params.get('q');
  if (text !== undefined) refuseLongQuery(text, limits);
  const limit = params.get('limit');
  const asked =
    limit === undefined ? nodesDefault : inContext('invalid limit: ', () => Number(parseUnsigned(limit, 32)));
  const graph = await ports.engine.serviceGraph(
    {
      tenant,
      range,
      filter: text === undefined ? undefined : readFilter(text),
      nodesMax: Math.min(asked, nodesMax),
    },
    signal,
  );
  const seconds = secondsOf(range);
  const { inspectedTraces, inspectedSpans, inspectedBytes, requests, totalBlocks } = graph.cost;
  const answer: ServiceGraphAnswer = {
    nodes: graph.nodes.map((node) => ({ ...node, rate: rateOf(node, seconds) })),
    edges: graph.edges.map((edge) => ({ ...edge, rate: rateOf(edge, seconds) })),
    nodesLeftOut: graph.nodesLeftOut,
    metrics: { inspectedTraces, inspectedSpans, inspectedBytes: Math.round(inspectedBytes), requests, totalBlocks },
  };
  return { contentType: jsonType, body: JSON.stringify(answer), compressible: true };
}

function readFilter(text: string): Pipeline {
  return inContext('invalid TraceQL query: ', () => checkQuery(parseQuery(text))).pipeline;
}

const secondsOf = ({ startUnixNano, endUnixNano }: TimeRange): number => Number(endUnixNano - startUnixNano) / 1e9;

/** Requests a second; 0 over no time. */
const rateOf = ({ calls }: RequestSummary, seconds: number): number => (seconds > 0 ? calls / seconds : 0);
