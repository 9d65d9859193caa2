/** Every receiver on a free port of this process, with short times, over an ingest that keeps what it gets. */
import { TranslateThread } from '../../src/app/translate-thread-client.ts';
import { systemClock } from '../../src/base/clock.ts';
import { BodyGate } from '../../src/roles/write/body-gate.ts';
import { type ReceiverAddress, type ReceiverCounters, Receivers } from '../../src/roles/write/receivers.ts';
import type { SenderTimes } from '../../src/roles/write/sender-watch.ts';
import { TableIngest } from '../../src/roles/write/testing/table-ingest.ts';
import { Translator } from '../../src/roles/write/translator.ts';

export const times: SenderTimes = { headMs: 400, stallMs: 400, requestMs: 1200, idleSessionMs: 60_000 };

export const bodyBytesMax = 4 << 20;

export interface OpenReceivers {
  readonly ingest: TableIngest;
  readonly gate: BodyGate;
  port(type: ReceiverAddress['type']): number;
  counters(): ReceiverCounters;
  close(): Promise<void>;
}

export async function openReceivers(): Promise<OpenReceivers> {
  const ingest = new TableIngest();
  const gate = new BodyGate(48 << 20);
  const thread = new TranslateThread();
  const listen = { host: '127.0.0.1', port: 0, implied: false } as const;
  const http = { ...listen, bodyBytesMax, corsAllowedOrigins: [], tls: undefined, times };
  const grpc = { ...listen, messageBytesMax: bodyBytesMax, tls: undefined, times };
  const receivers = new Receivers(
    [
      { type: 'otlp/http', ...http },
      { type: 'zipkin', ...http },
      { type: 'jaeger/thrift_http', ...http },
      { type: 'otlp/grpc', ...grpc },
      { type: 'jaeger/grpc', ...grpc },
      { type: 'jaeger/thrift_compact', ...listen },
      { type: 'jaeger/thrift_binary', ...listen },
    ],
    {
      ingest,
      gate,
      tenantOf: () => 'a',
      translator: new Translator(thread),
      clock: systemClock,
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    },
  );
  const addresses = await receivers.listen();
  return {
    ingest,
    gate,
    port: (type) => addresses.find((address) => address.type === type)!.port!,
    counters: () => receivers.counters(),
    async close() {
      await receivers.close();
      await thread.close();
    },
  };
}
