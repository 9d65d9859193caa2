/** What Jaeger's APIs can be asked, over the engine. HTTP and gRPC share it. */

import { KindNames } from '../../traceql/ast.ts';
import { parseQuery } from '../../traceql/parser.ts';
import type { TimeRange } from '../../traceql/result.ts';
import { loadTraceRows, type TraceRows } from '../encode/trace-rows.ts';
import type { ApiPorts, QueryLimits } from '../ports.ts';
import { searchRequest } from '../requests/search-request.ts';
import { tagValuesRequest } from '../requests/tag-requests.ts';
import { checkMetricsDuration, tagSecondsRange } from '../requests/time-range.ts';
import { serviceCondition, type TraceFilter, traceQlOf } from './filter.ts';
import { checkSearchRange } from './params.ts';

export interface Operation {
  readonly name: string;
  /** Empty when the spans name none. */
  readonly spanKind: string;
}

/** How often spans of one service are children of spans of another. */
export interface Dependency {
  readonly parent: string;
  readonly child: string;
  readonly callCount: number;
}

export interface Dependencies {
  readonly links: readonly Dependency[];
  /** Services and peers that were left out, when there are very many. */
  readonly servicesLeftOut: number;
}

/** Whose data, how much of it, and until when. */
export interface Asker {
  readonly tenant: string;
  readonly limits: QueryLimits;
  readonly signal: AbortSignal;
}

/** Services, databases and other peers that dependencies are counted between; the busiest. */
const dependencyServicesMax = 2000;
/** Queries or lookups of one request that run at the same time. */
const concurrency = 4;

export class JaegerQueries {
  readonly #ports: ApiPorts;

  constructor(ports: ApiPorts) {
    this.#ports = ports;
  }

  /** Names of services as far back as a search may go, sorted. */
  services(asker: Asker): Promise<string[]> {
    return this.#values(asker, 'resource.service.name', '', this.#recent(asker));
  }

  /** Names of the spans of a service, sorted. `kind`: empty for any. */
  operationNames(asker: Asker, service: string, kind = ''): Promise<string[]> {
    const conditions = [serviceCondition(service), ...(kind === '' ? [] : [`kind = ${kind}`])];
    return this.#values(asker, 'name', `{ ${conditions.join(' && ')} }`, this.#recent(asker));
  }

  /** The same with the kinds that spans of each name have. A kind that does not exist has no operations. */
  async operations(asker: Asker, service: string, kind: string): Promise<Operation[]> {
    const kinds = KindNames.filter((name) => kind === '' || name === kind);
    const byKind = await eachOf(kinds, async (name) => {
      const spanKind = name === 'unspecified' ? '' : name;
      return (await this.operationNames(asker, service, name)).map((operation) => ({ name: operation, spanKind }));
    });
    return byKind.flat().sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  }

  /** The pieces of a trace; empty when there is none. */
  async trace({ tenant, signal }: Asker, traceId: Uint8Array, range: TimeRange): Promise<TraceRows[]> {
    const cost = { requests: 0, bytes: 0, pages: 0 };
    const found = await this.#ports.traces.trace({ tenant, traceId, range }, cost, signal);
    return Promise.all(found.map((part) => loadTraceRows(part, cost, signal)));
  }

  /** The traces that have a span as described, newest first, each when it is asked for. */
  async find(
    asker: Asker,
    { filter, range, limit }: { readonly filter: TraceFilter; readonly range: TimeRange; readonly limit: number },
  ): Promise<(() => Promise<TraceRows[]>)[]> {
    const { tenant, limits, signal } = asker;
    checkSearchRange(range, limits.searchDurationMaxMs);
    const request = searchRequest(
      tenant,
      {
        query: traceQlOf(filter),
        tags: [],
        minDurationNano: 0,
        maxDurationNano: 0,
        limit,
        spansPerSpanSet: 1,
        range,
        sort: 'start',
        totals: false,
      },
      limits,
    );
    const { traces } = await this.#ports.engine.search(request, signal);
    return traces.map(({ traceId, startUnixNano, durationNano }) => {
      const endUnixNano = startUnixNano + BigInt(Math.ceil(durationNano)) + 1n;
      return () => this.trace(asker, Buffer.from(traceId, 'hex'), { startUnixNano, endUnixNano });
    });
  }

  /** Calls between different services in a range of time, most first; counted, not sampled. */
  async dependencies({ tenant, limits, signal }: Asker, range: TimeRange): Promise<Dependencies> {
    checkMetricsDuration(range, limits.metricsDurationMaxMs);
    const request = { tenant, range, filter: undefined, nodesMax: dependencyServicesMax };
    const { nodes, edges, nodesLeftOut } = await this.#ports.engine.serviceGraph(request, signal);
    const nameOf = new Map(nodes.filter(({ kind }) => kind === 'service').map(({ id, name }) => [id, name]));
    const links = edges.flatMap(({ from, to, calls }) => {
      const parent = nameOf.get(from) ?? '';
      const child = nameOf.get(to) ?? '';
      return parent === '' || child === '' || parent === child ? [] : [{ parent, child, callCount: calls }];
    });
    return { links, servicesLeftOut: nodesLeftOut };
  }

  async #values({ tenant, limits, signal }: Asker, tag: string, filter: string, range: TimeRange): Promise<string[]> {
    const request = tagValuesRequest(tenant, tag, { filter: '', range, limit: 0 }, limits);
    const { values } = await this.#ports.engine.tagValues(
      filter === '' ? request : { ...request, filter: parseQuery(filter) },
      signal,
    );
    return [...new Set(values.map(({ value }) => value))].sort();
  }

  #recent({ limits }: Asker): TimeRange {
    return tagSecondsRange({ start: 0n, end: 0n }, limits.searchDurationMaxMs, this.#ports.clock.nowMs());
  }
}

/** Results in the order of the items, some of them worked on at the same time. */
export async function eachOf<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let at = 0; at < items.length; at += concurrency)
    results.push(...(await Promise.all(items.slice(at, at + concurrency).map(work))));
  return results;
}
