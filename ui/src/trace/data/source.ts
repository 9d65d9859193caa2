/** Where a trace comes from: the server, or a file that somebody dropped onto the page. */
import { apiUrl, getJson, request } from '../../api/client.ts';
import { readAttribute, readFound, readTrace } from '../model/read-columns.ts';
import { spanIdText, type Trace } from '../model/trace.ts';
import type { Values } from '../model/values.ts';
import { readDetails, type SpanDetail } from './detail.ts';

export interface TraceSource {
  readonly trace: Trace;
  /** Empty when it comes from the server. */
  readonly fileName: string;
  /** Undefined when the server no longer has it. */
  detail(row: number, ended?: AbortSignal): Promise<SpanDetail | undefined>;
  /** `span.key` or `resource.key`. */
  attribute(name: string): Promise<Values>;
  /** Rows that contain the text. */
  find(text: string): Promise<Uint32Array>;
  /** The whole trace as OTLP/JSON, and whether something is missing in it. */
  json(): Promise<{ readonly resourceSpans: unknown; readonly missing: string }>;
}

/** The trace has got more spans while it was looked at: rows have other numbers now. */
export class TraceGrown extends Error {
  constructor() {
    super('New spans of this trace have arrived. Load it again to see them.');
    this.name = 'TraceGrown';
  }
}

const binaryType = 'application/octet-stream';

async function binary(path: string, params: Record<string, string>, ended?: AbortSignal): Promise<Uint8Array> {
  const response = await request(apiUrl(path, params), ended, binaryType);
  return new Uint8Array(await response.arrayBuffer());
}

export async function serverSource(id: string, ended: AbortSignal): Promise<TraceSource> {
  const path = (name: string): string => `/api/ui/${name}/${encodeURIComponent(id)}`;
  const trace = readTrace(await binary(path('trace-columns'), {}, ended));
  const attributes = new Map<string, Promise<Values>>();
  const sameRows = <Shape>(spans: number, shape: Shape): Shape => {
    if (spans !== trace.spans) throw new TraceGrown();
    return shape;
  };
  return {
    trace,
    fileName: '',
    async detail(row, signal) {
      const span = spanIdText(trace, row);
      const answer = await getJson<{ readonly trace: { readonly resourceSpans: unknown } }>(
        path('span'),
        { span },
        signal,
      );
      const start = trace.startUnixNano + BigInt(trace.start[row]!);
      const details = readDetails(answer.trace.resourceSpans);
      // A client and its server may share an id.
      return details.find(({ startUnixNano }) => startUnixNano === start) ?? details[0];
    },
    attribute(name) {
      let values = attributes.get(name);
      if (values === undefined) {
        values = binary(path('trace-attribute'), { name }).then((bytes) => {
          const column = readAttribute(bytes);
          return sameRows(column.codes.length, column);
        });
        attributes.set(name, values);
        values.catch(() => attributes.delete(name));
      }
      return values;
    },
    async find(text) {
      const { rows, spans } = readFound(await binary(path('trace-find'), { text }));
      return sameRows(spans, rows);
    },
    async json() {
      const answer = await getJson<{ trace: { resourceSpans?: unknown }; message?: string }>(
        `/api/v2/traces/${encodeURIComponent(id)}`,
      );
      return { resourceSpans: answer.trace.resourceSpans ?? [], missing: answer.message ?? '' };
    },
  };
}
