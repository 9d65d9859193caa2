/** The query API on a free port over the real engine and fixed data, without receivers, blocks or roles. */
import http, { type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ApiOptions, createApi, defaultApiOptions } from '../../src/api/http/api.ts';
import { type ApiPorts, defaultQueryLimits, type QueryLimits, type StatusSource } from '../../src/api/ports.ts';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { liveFragment } from '../../src/block/live-fragment.ts';
import { SpanTable } from '../../src/model/span-table.ts';
import { OtlpScanner } from '../../src/protocol/otlp/scan.ts';
import { Engine } from '../../src/query/engine.ts';
import type { Fragment } from '../../src/traceql/storage.ts';
import { fixedStorage } from '../conformance/in-process.ts';

export interface TestApiOptions {
  readonly fragment?: Fragment;
  readonly limits?: Partial<QueryLimits>;
  readonly options?: Partial<ApiOptions>;
  readonly ports?: Partial<ApiPorts>;
  readonly clock?: Clock;
}

export interface TestApi {
  readonly url: string;
  readonly ports: ApiPorts;
  /** What failed by our fault. */
  readonly errors: unknown[];
  get(path: string, headers?: OutgoingHttpHeaders, method?: string): Promise<Answer>;
  close(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  readonly text: string;
}

export function fragmentOf(...requests: readonly Uint8Array[]): Fragment {
  const table = new SpanTable();
  const scanner = new OtlpScanner(table);
  for (const request of requests) scanner.scan(request, { maxAttributeBytes: 0 });
  return liveFragment('test', table.share());
}

export const testStatus: StatusSource = {
  readiness: () => ({ ready: true, reason: '' }),
  buildInfo: () => ({
    version: '1.2.3',
    revision: 'abc',
    branch: 'main',
    buildUser: '',
    buildDate: '',
    runtimeVersion: 'node v24',
    platform: 'linux/x64',
  }),
  services: () => [
    { name: 'read', state: 'Running', failure: '' },
    { name: 'write', state: 'Failed', failure: 'disk full' },
  ],
  config: () => ({ current: 'target: all\n', defaults: 'target: default\n', diff: 'target: diff\n' }),
  runtimeConfig: () => ({ current: 'overrides: {}\n', diff: '{}\n' }),
  metrics: async () => ({ contentType: 'text/plain; version=0.0.4', body: 'up 1\n' }),
};

export function testPorts(given: TestApiOptions, errors: unknown[]): ApiPorts {
  const fragment = given.fragment ?? fragmentOf();
  const clock = given.clock ?? systemClock;
  const limits = { ...defaultQueryLimits, ...given.limits };
  const engine = new Engine({
    storage: fixedStorage([fragment]),
    clock,
    defaults: { budget: { memoryBytesMax: 256 * 1024 * 1024 }, cacheBytesMax: 0 },
  });
  return {
    engine,
    traces: {
      async trace({ traceId }, cost, signal) {
        await fragment.loadTraces(cost, signal);
        for (let trace = 0; trace < fragment.traceCount; trace++) {
          if (Buffer.compare(fragment.traceIds.subarray(trace * 16, trace * 16 + 16), traceId) === 0)
            return [{ fragment, trace }];
        }
        return [];
      },
    },
    status: testStatus,
    limits: () => limits,
    clock,
    explain: async (request) => ({ tenant: request.tenant }),
    onError: (error) => errors.push(error),
    ...given.ports,
  };
}

export async function startTestApi(given: TestApiOptions = {}): Promise<TestApi> {
  const errors: unknown[] = [];
  const ports = testPorts(given, errors);
  const api = createApi(ports, { ...defaultApiOptions, ...given.options });
  const server = http.createServer({ maxHeaderSize: 1 << 20 }, (request, response) => api.handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    ports,
    errors,
    get: (path, headers = {}, method = 'GET') => fetchRaw(url, path, headers, method),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Sends the path as it is given: no normalisation, no decompression. */
function fetchRaw(url: string, path: string, headers: OutgoingHttpHeaders, method: string): Promise<Answer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const request = http.request({ hostname, port, path, headers, method }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('error', reject);
      response.on('end', () => {
        const body = Buffer.concat(pieces);
        resolve({ status: response.statusCode!, headers: response.headers, body, text: body.toString() });
      });
    });
    request.on('error', reject);
    request.end();
  });
}
