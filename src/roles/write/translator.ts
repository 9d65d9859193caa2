/**
 * Every format that is not OTLP protobuf becomes OTLP protobuf bytes here. Small bodies are translated where they arrive;
 * a large one may take seconds when somebody means harm (16 MiB of `[` in JSON: 6 s), so it goes to a thread of its own,
 * beside which acknowledgements go on.
 */
import { jaegerProtoToOtlp } from '../../protocol/jaeger/proto-batch.ts';
import { jaegerThriftToOtlp } from '../../protocol/jaeger/thrift-batch.ts';
import { jsonToExportRequest } from '../../protocol/otlp/json.ts';
import { zipkinV1JsonToOtlp } from '../../protocol/zipkin/v1-json.ts';
import { zipkinV1ThriftToOtlp } from '../../protocol/zipkin/v1-thrift.ts';
import { zipkinV2JsonToOtlp } from '../../protocol/zipkin/v2-json.ts';
import { zipkinV2ProtoToOtlp } from '../../protocol/zipkin/v2-proto.ts';

const translations = {
  'otlp-json': jsonToExportRequest,
  'jaeger-proto': jaegerProtoToOtlp,
  'jaeger-thrift': jaegerThriftToOtlp,
  'zipkin-v1-json': zipkinV1JsonToOtlp,
  'zipkin-v1-thrift': zipkinV1ThriftToOtlp,
  'zipkin-v2-json': zipkinV2JsonToOtlp,
  'zipkin-v2-proto': zipkinV2ProtoToOtlp,
} as const satisfies Record<string, (body: Uint8Array, nowUnixNano: bigint) => Uint8Array<ArrayBuffer>>;

export type BodyFormat = keyof typeof translations;

export interface TranslationRequest {
  readonly format: BodyFormat;
  readonly body: Uint8Array;
  /** The start of spans that have none. */
  readonly nowUnixNano: bigint;
}

/** @throws RubatoError invalid, naming the place */
export function translate({ format, body, nowUnixNano }: TranslationRequest): Uint8Array<ArrayBuffer> {
  return translations[format](body, nowUnixNano);
}

/** A thread, or what a test puts in its place. */
export interface TranslationThread {
  /** @throws RubatoError invalid as {@link translate}, unavailable when the thread died of it */
  translate(request: TranslationRequest): Promise<Uint8Array>;
}

/** Some 10 ms at worst, for the JSON that takes longest. */
const inlineBytesMax = 64 * 1024;

export class Translator {
  readonly #thread: TranslationThread | undefined;

  /** Without a thread everything is translated where it arrives. */
  constructor(thread?: TranslationThread) {
    this.#thread = thread;
  }

  async toOtlp(request: TranslationRequest): Promise<Uint8Array> {
    if (this.#thread === undefined || request.body.length <= inlineBytesMax) return translate(request);
    // The body's memory is lent, and what crosses threads is cloned with all the memory below it.
    return this.#thread.translate({ ...request, body: new Uint8Array(request.body) });
  }
}
