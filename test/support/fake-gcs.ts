/**
 * The part of Google Cloud Storage's JSON API that Rubato uses, in memory: multipart uploads under a generation
 * precondition, reads with ranges, paged listings with delimiter and start, deletes. Nobody is asked for credentials.
 */
import http from 'node:http';
import type { AddressInfo } from 'node:net';

interface Stored {
  readonly bytes: Buffer;
  readonly generation: number;
}

export interface FakeGcs {
  readonly url: string;
  readonly bucket: string;
  /** Requests so far, by method. */
  readonly requests: Map<string, number>;
  /** Answers the next requests with these statuses instead. */
  readonly failWith: number[];
  stop(): Promise<void>;
}

export async function startFakeGcs(bucket = 'traces'): Promise<FakeGcs> {
  const objects = new Map<string, Stored>();
  const requests = new Map<string, number>();
  const failWith: number[] = [];
  let generation = 0;

  const server = http.createServer(async (request, response) => {
    const url = new URL(request.url!, 'http://fake');
    const method = request.method!;
    requests.set(method, (requests.get(method) ?? 0) + 1);
    const body: Buffer[] = [];
    for await (const chunk of request) body.push(chunk as Buffer);
    const answer = (status: number, content: Buffer | string = '', headers: http.OutgoingHttpHeaders = {}): void => {
      response.writeHead(status, { 'content-length': Buffer.byteLength(content), ...headers }).end(content);
    };
    const fault = failWith.shift();
    if (fault !== undefined) return answer(fault, 'as it was told to');
    const [, upload, inBucket, name] = /^(\/upload)?\/storage\/v1\/b\/([^/]+)\/o(?:\/(.+))?$/.exec(url.pathname) ?? [];
    if (inBucket !== bucket) return answer(404, '{"error":{"message":"The specified bucket does not exist."}}');
    if (upload !== undefined) {
      const parts = multipart(Buffer.concat(body), request.headers['content-type']!);
      const precondition = url.searchParams.get('ifGenerationMatch');
      const current = objects.get(parts.name)?.generation ?? 0;
      if (precondition !== null && Number(precondition) !== current) return answer(412, 'conditionNotMet');
      objects.set(parts.name, { bytes: parts.content, generation: ++generation });
      return answer(200, JSON.stringify({ name: parts.name, generation: String(generation) }));
    }
    if (name === undefined) return answer(200, JSON.stringify(list(objects, url.searchParams)));
    const key = decodeURIComponent(name);
    const stored = objects.get(key);
    if (stored === undefined) return answer(404, `No such object: ${bucket}/${key}`);
    if (method === 'DELETE') {
      objects.delete(key);
      return answer(204);
    }
    const range = rangeOf(request.headers.range, stored.bytes.length);
    if (range === undefined) return answer(200, stored.bytes);
    if (range.from >= range.to) return answer(416);
    answer(206, stored.bytes.subarray(range.from, range.to), {
      'content-range': `bytes ${range.from}-${range.to - 1}/${stored.bytes.length}`,
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bucket,
    requests,
    failWith,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function multipart(body: Buffer, contentType: string): { name: string; content: Buffer } {
  const boundary = /boundary=(.+)$/.exec(contentType)![1]!;
  const separator = Buffer.from('\r\n\r\n');
  const next = Buffer.from(`\r\n--${boundary}`);
  const jsonAt = body.indexOf(separator) + 4;
  const jsonEnd = body.indexOf(next, jsonAt);
  const contentAt = body.indexOf(separator, jsonEnd) + 4;
  const { name } = JSON.parse(body.toString('utf8', jsonAt, jsonEnd)) as { name: string };
  return { name, content: body.subarray(contentAt, body.lastIndexOf(next)) };
}

function list(objects: ReadonlyMap<string, Stored>, query: URLSearchParams): unknown {
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter');
  const from = query.get('pageToken') ?? query.get('startOffset') ?? '';
  const found = new Map<string, number>();
  for (const name of [...objects.keys()].sort()) {
    if (!name.startsWith(prefix) || name < from) continue;
    const end = delimiter === null ? -1 : name.indexOf(delimiter, prefix.length);
    if (end === -1) found.set(name, objects.get(name)!.bytes.length);
    else found.set(name.slice(0, end + 1), -1);
  }
  // Small pages, so that everything is paged.
  const size = Math.min(Number(query.get('maxResults') ?? 1000), 40);
  const names = [...found.keys()].sort();
  const page = names.slice(0, size);
  const isFolder = (name: string): boolean => found.get(name) === -1;
  const next = names[size];
  return {
    items: page.filter((name) => !isFolder(name)).map((name) => ({ name, size: String(found.get(name)) })),
    prefixes: page.filter(isFolder),
    ...(next !== undefined && { nextPageToken: next }),
  };
}

function rangeOf(header: string | undefined, size: number): { from: number; to: number } | undefined {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  if (first === '') return { from: Math.max(0, size - Number(last)), to: size };
  return { from: Number(first), to: Math.min(size, Number(last) + 1) };
}
