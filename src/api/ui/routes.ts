/** What the web UI asks for beside Tempo's API: a trace as columns, its spans one by one, and settings. */
import { invalid } from '../../base/errors.ts';
import type { ReadCost } from '../../traceql/storage.ts';
import type { TraceAttributeName, UiSettings } from '../contract/index.ts';
import { resourceSpansJson } from '../encode/trace-json.ts';
import { loadTraceRows, type TraceRows } from '../encode/trace-rows.ts';
import { jsonType, type Reply, textType } from '../http/reply.ts';
import type { Route, TenantCall } from '../http/route.ts';
import type { ApiPorts, TracePart } from '../ports.ts';
import { parseTraceId } from '../requests/trace-id.ts';
import { RecentTraces } from './recent-traces.ts';
import { traceAttribute, traceFind } from './trace-attribute.ts';
import { traceColumns } from './trace-columns.ts';

export const noUiSettings: UiSettings = { spanLinks: [], receivers: [], multitenancy: false };

export function uiRoutes(ports: ApiPorts): Route[] {
  const recent = new RecentTraces();
  /** `fresh`: as it is now. Other answers belong to the columns that were given out, as long as those are kept. */
  const ofTrace = (name: string, answer: Answer, fresh = false): Route => ({
    path: `/api/ui/${name}/{traceID}`,
    prefixed: true,
    access: 'tenant',
    role: 'read',
    handle: async (call) => {
      const { tenant, signal } = call;
      const cost: ReadCost = { requests: 0, bytes: 0, pages: 0 };
      const traceId = parseTraceId(call.pathPart);
      const kept = fresh ? undefined : recent.get(tenant, traceId);
      const parts = kept ?? (await ports.traces.trace({ tenant, traceId, range: everywhere }, cost, signal));
      if (parts.length === 0) return noSuchTrace;
      if (kept === undefined) recent.keep(tenant, traceId, parts);
      return answer(parts, call, cost);
    },
  });
  return [
    ofTrace('trace-columns', async (parts, { signal }, cost) => binary(await traceColumns(parts, cost, signal)), true),
    ofTrace('trace-attribute', async (parts, { params, signal }, cost) => {
      return binary(await traceAttribute(parts, attributeName(params.get('name') ?? ''), cost, signal));
    }),
    ofTrace('trace-find', async (parts, { params, signal }, cost) => {
      const text = params.get('text') ?? '';
      if (text === '') throw invalid('bad_text', 'text is missing');
      return binary(await traceFind(parts, text, cost, signal));
    }),
    ofTrace('span', spanDetail),
    {
      path: '/api/ui/settings',
      prefixed: true,
      access: 'anyone',
      handle: () => ({ contentType: jsonType, body: JSON.stringify(ports.uiSettings ?? noUiSettings) }),
    },
  ];
}

type Answer = (parts: readonly TracePart[], call: TenantCall, cost: ReadCost) => Promise<Reply>;

const everywhere = { startUnixNano: 0n, endUnixNano: 0n };
const noSuchTrace: Reply = { status: 404, contentType: textType, body: 'there is no such trace' };

/** Varints of small differences: compressing them again costs more than it saves. Short ones are mostly names. */
const COMPRESS_BYTES_MAX = 256 * 1024;

function binary(pieces: readonly Uint8Array[]): Reply {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const reply = { contentType: 'application/octet-stream', headers: { 'cache-control': 'no-store' } };
  if (length <= COMPRESS_BYTES_MAX) return { ...reply, body: Buffer.concat(pieces), compressible: true };
  return { ...reply, headers: { ...reply.headers, 'content-length': String(length) }, body: pieces };
}

/** `span.http.route` or `resource.host.name`. */
function attributeName(text: string): TraceAttributeName {
  const dot = text.indexOf('.');
  const scope = text.slice(0, dot);
  if ((scope !== 'span' && scope !== 'resource') || dot === text.length - 1)
    throw invalid('bad_attribute', 'name must be span.<key> or resource.<key>');
  return { scope, key: text.slice(dot + 1) };
}

/** The spans with this id (a client and its server may share one), as trace by id gives them out. */
async function spanDetail(parts: readonly TracePart[], call: TenantCall, cost: ReadCost): Promise<Reply> {
  const text = call.params.get('span') ?? '';
  if (!/^[0-9a-fA-F]{16}$/.test(text)) throw invalid('bad_span_id', 'span must be 16 hex digits');
  const spanId = Buffer.from(text, 'hex');
  const found: TraceRows[] = [];
  for (const part of parts) {
    const rows = await loadTraceRows(part, cost, call.signal);
    const own = rowsOf(rows, spanId);
    if (own.length > 0) found.push({ ...rows, groups: own });
  }
  if (found.length === 0) return { ...noSuchTrace, body: 'there is no such span' };
  const body = Buffer.concat([
    Buffer.from('{"trace":{"resourceSpans":'),
    ...resourceSpansJson(found),
    Buffer.from('},"metrics":{}}'),
  ]);
  return { contentType: jsonType, body, compressible: true };
}

function rowsOf({ fragment, firstSpan, endSpan }: TraceRows, wanted: Uint8Array): TraceRows['groups'] {
  const groups: TraceRows['groups'][number][] = [];
  const ids = fragment.spanId;
  for (let row = firstSpan; row < endSpan; row++) {
    let i = 0;
    while (i < 8 && ids[row * 8 + i] === wanted[i]) i++;
    if (i < 8) continue;
    const resourceRow = fragment.resource[row]!;
    groups.push({ resourceRow, scopes: [{ resourceRow, rows: Uint32Array.of(row) }] });
  }
  return groups;
}
