/** The server's query API. Times are Unix milliseconds here; what the API wants is made here and nowhere else. */
import type {
  BuildInfoResponse,
  QueryInstantResponse,
  QueryRangeResponse,
  ScopedTagNamesResponse,
  SearchResponse,
  TraceV2Response,
  TypedTagValuesResponse,
} from '../../../src/api/contract/index.ts';
import { authorization, signIn } from '../app/credentials.ts';
import { tenant } from '../app/tenant.ts';
import type { TimeRange } from '../base/range.ts';

/** What the server answered instead of a result. `status` 0: there was no answer. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
  }
}

export type Params = Readonly<Record<string, string | number | boolean | undefined>>;

const prefix = document.querySelector<HTMLMetaElement>('meta[name="rubato-api-prefix"]')?.content ?? '';

/** Address of an API path with its parameters; `undefined` and '' are left out. */
export function apiUrl(path: string, params: Params = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined && value !== '') search.set(name, String(value));
  }
  const base = path.startsWith('/api/') || path.startsWith('/jaeger/') ? prefix + path : path;
  return search.size === 0 ? base : `${base}?${search}`;
}

/**
 * Asks again once the user has said who they are, when the server wants to know.
 * @throws ApiError; DOMException AbortError when the signal fires
 */
export async function request(url: string, signal?: AbortSignal, accept = 'application/json'): Promise<Response> {
  for (;;) {
    const shown = authorization.peek();
    const response = await requestOnce(url, accept, signal);
    if (response.ok) return response;
    if (response.status === 401 && response.headers.has('www-authenticate') && (await signIn(shown, signal))) continue;
    throw new ApiError(response.status, (await response.text()).trim() || response.statusText);
  }
}

async function requestOnce(url: string, accept: string, signal: AbortSignal | undefined): Promise<Response> {
  // Says that we have a form: the browser is then not asked for a name and password.
  const headers: Record<string, string> = { accept, 'x-requested-with': 'XMLHttpRequest' };
  if (tenant.peek() !== '') headers['x-scope-orgid'] = tenant.peek();
  if (authorization.peek() !== '') headers['authorization'] = authorization.peek();
  try {
    return await fetch(url, { headers, ...(signal === undefined ? {} : { signal }) });
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw new ApiError(0, 'The server cannot be reached');
  }
}

export async function getJson<Shape>(path: string, params?: Params, signal?: AbortSignal): Promise<Shape> {
  return (await request(apiUrl(path, params), signal)).json() as Promise<Shape>;
}

export async function getText(path: string, params?: Params, signal?: AbortSignal): Promise<string> {
  return (await request(apiUrl(path, params), signal, 'text/plain')).text();
}

/**
 * The API takes whole seconds, `end` exclusive: a range is widened to them. One of whole seconds stays as long as it is,
 * since the server refuses longer ones than its bound, which people choose exactly ("last 7 days").
 */
export function rangeParams(range: TimeRange | undefined): Params {
  if (range === undefined) return {};
  const end = Math.ceil(range.toMs / 1000);
  const seconds = Math.ceil((range.toMs - range.fromMs) / 1000);
  return { start: Math.max(Math.floor(range.fromMs / 1000), end - seconds), end };
}

interface Ranged {
  readonly range?: TimeRange;
}

export interface SearchQuery extends Ranged {
  readonly q: string;
  readonly limit?: number;
  readonly spss?: number;
  readonly sort?: string;
  readonly totals?: boolean;
  readonly cost?: boolean;
}

export function search({ range, ...query }: SearchQuery, signal?: AbortSignal): Promise<SearchResponse> {
  return getJson('/api/search', { ...query, ...rangeParams(range) }, signal);
}

/** Hears of every answer on the way; resolves with the last, the whole one. */
export async function searchStream(
  { range, ...query }: SearchQuery,
  onPart: (part: SearchResponse) => void,
  signal?: AbortSignal,
): Promise<SearchResponse> {
  const url = apiUrl('/api/search', { ...query, ...rangeParams(range), stream: true });
  const response = await request(url, signal);
  let last: SearchResponse | undefined;
  for await (const line of linesOf(response.body!)) {
    const part = JSON.parse(line) as SearchResponse | { readonly error: string };
    if ('error' in part) throw new ApiError(500, part.error);
    last = part;
    onPart(part);
  }
  if (last === undefined) throw new ApiError(0, 'The answer broke off');
  return last;
}

async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader();
  let rest = '';
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    const lines = (rest + read.value).split('\n');
    rest = lines.pop()!;
    yield* lines;
  }
}

export interface RangeQuery extends Ranged {
  readonly q: string;
  /** Like `15s`; the server chooses when it is not there. */
  readonly step?: string;
  readonly exemplars?: number;
  readonly maxSeries?: number;
}

export function queryRange({ range, ...query }: RangeQuery, signal?: AbortSignal): Promise<QueryRangeResponse> {
  return getJson('/api/metrics/query_range', { ...query, ...rangeParams(range) }, signal);
}

export function queryInstant(
  { range, ...query }: Omit<RangeQuery, 'step'>,
  signal?: AbortSignal,
): Promise<QueryInstantResponse> {
  return getJson('/api/metrics/query', { ...query, ...rangeParams(range) }, signal);
}

export interface TagQuery extends Ranged {
  readonly q?: string;
  readonly scope?: string;
  readonly limit?: number;
}

export function tagNames({ range, ...query }: TagQuery, signal?: AbortSignal): Promise<ScopedTagNamesResponse> {
  return getJson('/api/v2/search/tags', { ...query, ...rangeParams(range) }, signal);
}

/** `name` as TraceQL writes it: `resource.service.name`, `status`, `span.http.method`. */
export function tagValues(
  name: string,
  { range, ...query }: TagQuery,
  signal?: AbortSignal,
): Promise<TypedTagValuesResponse> {
  const path = `/api/v2/search/tag/${encodeURIComponent(name)}/values`;
  return getJson(path, { ...query, ...rangeParams(range) }, signal);
}

export function trace(id: string, range?: TimeRange, signal?: AbortSignal): Promise<TraceV2Response> {
  return getJson(`/api/v2/traces/${encodeURIComponent(id)}`, rangeParams(range), signal);
}

export function buildInfo(signal?: AbortSignal): Promise<BuildInfoResponse> {
  return getJson('/api/status/buildinfo', {}, signal);
}
