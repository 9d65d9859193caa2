/**
 * Traces of our own requests: `current-span.ts`. Recorded spans wait in memory and go out in batches; what cannot be sent
 * is dropped and counted. What is received is not traced, so that a process that sends to itself causes nothing by it.
 */
import type { Clock } from '../base/clock.ts';
import { type Rng, randomHex } from '../base/random.ts';
import { parseTraceParent } from '../base/trace-context.ts';
import type { KeyValue } from '../model/any-value.ts';
import { type PlainResource, type PlainSpan, plainScope, plainSpan } from '../model/plain-span.ts';
import { plainSpansToOtlp } from '../protocol/otlp/encode-plain.ts';
import { type Attributes, currentSpan, type OpenSpan, type SpanKind, type SpanRecorder } from './current-span.ts';

export interface TracingOptions {
  readonly clock: Clock;
  readonly rng: Rng;
  /** Where spans are sent, OTLP over HTTP; empty: none are recorded. */
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Share of the traces that begin here. Those of callers are recorded when they say so. */
  readonly samplingRatio: number;
  readonly resource: PlainResource;
  readonly log: { warn(fields: object, message: string): void };
}

const kinds = { internal: 1, server: 2, client: 3 } as const;
const errorStatus = 2;
const scope = plainScope({ name: 'rubato' });

const batchMax = 512;
const waitingMax = 4096;
const sendEveryMs = 2_000;
const sendWithinMs = 10_000;

export class Tracing implements SpanRecorder {
  readonly #options: TracingOptions;
  readonly isOn: boolean;
  #waiting: PlainSpan[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #isFailing = false;
  /** Spans that could not be sent. */
  dropped = 0;

  constructor(options: TracingOptions) {
    this.#options = options;
    this.isOn = options.endpoint !== '';
  }

  /** Runs what answers a request; {@link answered} ends it. */
  request(header: string | readonly string[] | undefined, work: () => void): void {
    const span = this.#begin(typeof header === 'string' ? header : undefined);
    if (span === undefined) work();
    else currentSpan.run(span, work);
  }

  /** Undefined when there is no trace to belong to. */
  #begin(header: string | undefined): OpenSpan | undefined {
    const parent = parseTraceParent(header);
    if (parent === undefined && !this.isOn) return undefined;
    const { rng, clock, samplingRatio } = this.#options;
    const isRecorded = this.isOn && (parent?.isSampled ?? rng.float() < samplingRatio);
    if (parent === undefined && !isRecorded) return undefined;
    return {
      traceId: parent?.traceId ?? randomHex(rng, 16),
      spanId: randomHex(rng, 8),
      parentSpanId: parent?.spanId ?? '',
      startNano: clock.nowUnixNano(),
      recorder: isRecorded ? this : undefined,
    };
  }

  /** Ends the span of the request that runs now. */
  answered(route: string, method: string, status: number): void {
    const span = currentSpan.getStore();
    if (span?.recorder !== this) return;
    const attributes = { 'http.request.method': method, 'http.route': route, 'http.response.status_code': status };
    this.end(span, `${method} ${route}`, 'server', attributes, status >= 500 ? `status ${status}` : undefined);
  }

  /** Waits until what was recorded has been sent, or dropped. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#sending;
    while (this.#waiting.length > 0) await this.#send();
  }

  child({ traceId, spanId: parentSpanId }: OpenSpan): OpenSpan {
    const { rng, clock } = this.#options;
    return { traceId, spanId: randomHex(rng, 8), parentSpanId, startNano: clock.nowUnixNano(), recorder: this };
  }

  end(span: OpenSpan, name: string, kind: SpanKind, attributes: Attributes, error?: string): void {
    if (this.#waiting.length >= waitingMax) {
      this.dropped++;
      return;
    }
    const { traceId, spanId, parentSpanId, startNano } = span;
    this.#waiting.push(
      plainSpan({
        traceId,
        spanId,
        parentSpanId,
        name,
        kind: kinds[kind],
        startTimeUnixNano: startNano,
        endTimeUnixNano: this.#options.clock.nowUnixNano(),
        attributes: Object.entries(attributes).map(keyValue),
        ...(error !== undefined && { statusCode: errorStatus, statusMessage: error }),
        resource: this.#options.resource,
        scope,
      }),
    );
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#sending = this.#send().finally(() => {
        this.#sending = undefined;
      });
    }, sendEveryMs).unref();
  }

  async #send(): Promise<void> {
    const { endpoint, headers, log } = this.#options;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, batchMax);
      try {
        const answer = await currentSpan.exit(() =>
          fetch(endpoint, {
            method: 'POST',
            headers: { ...headers, 'content-type': 'application/x-protobuf' },
            body: Buffer.from(plainSpansToOtlp(batch)),
            signal: AbortSignal.timeout(sendWithinMs),
          }),
        );
        await answer.body?.cancel();
        if (!answer.ok) throw new Error(`status ${answer.status}`);
        this.#isFailing = false;
      } catch (error) {
        this.dropped += batch.length;
        if (!this.#isFailing) log.warn({ endpoint, reason: String(error) }, 'spans of this process cannot be sent');
        this.#isFailing = true;
      }
    }
  }
}

function keyValue([key, value]: [string, string | number]): KeyValue {
  if (typeof value === 'string') return { key, value: { type: 'string', value } };
  return { key, value: { type: 'int', value: BigInt(Math.round(value)) } };
}
