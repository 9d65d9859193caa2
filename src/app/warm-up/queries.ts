import http from 'node:http';
import { createApi, defaultApiOptions } from '../../api/http/api.ts';
import { type ApiPorts, defaultQueryLimits } from '../../api/ports.ts';
import type { Clock } from '../../base/clock.ts';
import { buildBlockOf } from '../../block/build.ts';
import { ColumnCache } from '../../block/column-cache.ts';
import { liveFragment } from '../../block/live-fragment.ts';
import { openBlock } from '../../block/read-block.ts';
import { assembleSnapshot, findTrace, SnapshotCache } from '../../block/snapshot.ts';
import type { StoredFragment } from '../../block/stored-fragment.ts';
import { Engine } from '../../query/engine.ts';
import { parseQuery } from '../../traceql/parser.ts';
import type { ReadCost } from '../../traceql/storage.ts';

import { tableOf, warmUpRequests } from './made-up-spans.ts';

const queries = [
  '{ }',
  '{ status = error }',
  '{ resource.service.name = "service-3" && duration > 100ms }',
  '{ span.http.response.status_code >= 500 }',
  '{ .http.route = "/path/3" && .url.full =~ ".*item/a.*" }',
  '{ name =~ "operation [1-3]" && span.user.id = "user-31" }',
  '{ kind = server } >> { status = error }',
  '{ span.cached = true } | count() > 3',
  '{ event.exception.type = "TimeoutError" } | select(span.user.id, resource.k8s.pod.name)',
  '{ } | rate()',
  '{ } | rate() by (resource.service.name)',
  '{ kind = server } | quantile_over_time(duration, .5, .99) by (span.http.route)',
  '{ resource.service.name = "service-3" } | histogram_over_time(duration)',
];

/**
 * The read role's part: requests over HTTP, on a private socket, to an API over one block and one live table. So parsers,
 * engine, readers, encoders and the HTTP server itself are compiled for what they will do.
 */
export async function warmUpQueries(clock: Clock, rounds = 24): Promise<void> {
  // Abstract sockets leave nothing behind; elsewhere the first queries compile the code.
  if (process.platform !== 'linux') return;
  await askOverAndOver(clock, rounds).catch(() => {
    // Then, too, the first queries compile the code.
  });
}

async function askOverAndOver(clock: Clock, rounds: number): Promise<void> {
  const baseUnixMs = clock.nowMs();
  const table = tableOf(warmUpRequests(baseUnixMs)).share();
  const { parts, files } = buildBlockOf(table);
  const contents = new Map([...parts].map(([file, pieces]) => [file, Buffer.concat(pieces)]));
  const cost: ReadCost = { requests: 0, bytes: 0, pages: 0 };
  let fragments: readonly StoredFragment[] = [];
  const storage = { snapshot: () => assembleSnapshot(fragments, new SnapshotCache(), cost) };
  const defaults = { budget: { memoryBytesMax: 64 * 1024 * 1024 }, cacheBytesMax: 0 };
  const unused = (): never => {
    throw new Error('not part of the warm-up');
  };
  const ports: ApiPorts = {
    engine: new Engine({ storage, clock, defaults }),
    traces: {
      trace: async ({ traceId }) => {
        const found = await findTrace(fragments, traceId, cost);
        return found === undefined ? [] : [found];
      },
    },
    status: {
      readiness: unused,
      buildInfo: unused,
      services: unused,
      config: unused,
      runtimeConfig: unused,
      metrics: unused,
    },
    limits: () => defaultQueryLimits,
    clock,
    onError: () => undefined,
  };
  const api = createApi(ports, { ...defaultApiOptions, answerCacheBytes: 4 * 1024 * 1024 });
  const server = http.createServer((request, response) => api.handle(request, response));
  const socketPath = `\0rubato-warm-up-${process.pid}-${baseUnixMs}`;
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  const agent = new http.Agent({ keepAlive: true });
  const get = (path: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const request = http.get({ socketPath, path, agent }, (answer) => answer.resume().on('end', resolve));
      request.on('error', reject);
    });
  const times = `start=${Math.floor(baseUnixMs / 1000) - 1}&end=${Math.ceil(baseUnixMs / 1000) + 61}`;
  const traceIds = Buffer.from(table.traceIds.buffer, 0, 16 * table.traceCount);
  const paths = queries.map((text) => {
    const q = encodeURIComponent(text);
    if (parseQuery(text).metrics === undefined) return `/api/search?q=${q}&limit=200&${times}`;
    return `/api/metrics/query_range?q=${q}&step=5s&${times}`;
  });
  paths.push(`/api/v2/search/tags?${times}`, `/api/v2/search/tag/span.http.route/values?${times}`);
  try {
    for (let round = 0; round < rounds; round++) {
      // New fragments each time: opening, reading and ordering are compiled too.
      const blockId = `warm-up-${round}`;
      fragments =
        round % 4 === 0
          ? [liveFragment(blockId, table)]
          : await openBlock(
              {
                blockId,
                sizes: files,
                readRange: async (file, offset, length) => contents.get(file)!.subarray(offset, offset + length),
                cache: new ColumnCache(8 * 1024 * 1024),
              },
              cost,
            );
      // Asked again, an answer is a kept one.
      for (const path of paths) for (let asked = 0; asked < 3; asked++) await get(path);
      const trace = round % table.traceCount;
      await get(`/api/v2/traces/${traceIds.toString('hex', trace * 16, trace * 16 + 16)}`);
    }
  } finally {
    agent.destroy();
    server.close();
  }
}
