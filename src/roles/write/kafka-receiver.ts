/**
 * Spans from Kafka, as a member of a consumer group. A partition's offset moves only over messages whose spans are
 * durable or that can never be stored, so a crash at any moment repeats messages and loses none; a repeated span is one
 * span again when it is read.
 *
 *   fetched messages ─► chunk of up to `chunkBytesMax` ─► all pushed at once, heartbeats meanwhile
 *                             ▲                                   │ leading messages that are durable or skipped
 *                             └── next chunk ◄── commit offset ◄──┘
 *                                                     │ the first that must be tried again
 *                                                     ▼
 *                             partition paused, later fetched again from that message
 *
 * Memory is bounded by the chunks of `partitionsAtOnce`, and by the gate that all receivers share.
 */
import type { Consumer, EachBatchPayload, Kafka, KafkaMessage, SASLOptions } from 'kafkajs';
import type { Clock } from '../../base/clock.ts';
import { ErrorKind, ExhaustedError, RubatoError } from '../../base/errors.ts';
import type { BodyGate } from './body-gate.ts';
import type { Ingest, TenantOf } from './ingest.ts';
import { type KafkaEncoding, translations } from './kafka-encoding.ts';
import type { WriterLog } from './writer.ts';

export interface KafkaSasl {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username: string;
  readonly password: string;
}

export interface KafkaOptions {
  readonly brokers: readonly string[];
  readonly topics: readonly string[];
  readonly encoding: KafkaEncoding;
  readonly groupId: string;
  readonly clientId: string;
  /** Where the group begins when it has committed nothing: at the oldest message, else at the next. */
  readonly fromBeginning: boolean;
  readonly sessionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  readonly sasl: KafkaSasl | undefined;
  /** PEM texts; unset: plain TCP. */
  readonly tls:
    | { ca?: string; cert?: string; key?: string; servername?: string; rejectUnauthorized: boolean }
    | undefined;
}

export interface KafkaReceiverOptions extends KafkaOptions {
  readonly ingest: Ingest;
  readonly gate: BodyGate;
  readonly tenantOf: TenantOf;
  readonly clock: Clock;
  readonly log: WriterLog;
}

/** Messages since the start. */
export interface KafkaCounters {
  received: number;
  stored: number;
  /** Can never be stored: damaged, without a tenant, larger than the tenant's limit. */
  skipped: number;
  /** Pauses of a partition because of limits or because storing failed. */
  pauses: number;
}

const chunkBytesMax = 4 * 1024 * 1024;
const partitionsAtOnce = 2;
/** Pause before something failed is tried again; doubles up to the bound. */
const retryMs = { first: 500, max: 30_000 };

/** What became of the messages of a chunk. */
interface Outcome {
  /** Leading messages that need not be seen again. */
  readonly done: number;
  /** Why the one behind them must be. */
  readonly error: unknown;
}

export class KafkaReceiver {
  readonly counters: KafkaCounters = { received: 0, stored: 0, skipped: 0, pauses: 0 };
  readonly #options: KafkaReceiverOptions;
  readonly #abort = new AbortController();
  #consumer: Consumer | undefined;
  #running: Promise<void> = Promise.resolve();
  /** Pause of the partitions whose last chunk failed. */
  readonly #pauseMs = new Map<string, number>();

  constructor(options: KafkaReceiverOptions) {
    this.#options = options;
  }

  /** Begins to consume, as soon as a broker answers. There is no port. */
  listen(): Promise<undefined> {
    this.#running = this.#run();
    return Promise.resolve(undefined);
  }

  /** Resolves when the messages in flight are stored and committed, and the group knows that this member left. */
  async close(): Promise<void> {
    this.#abort.abort();
    await this.#consumer?.disconnect().catch(() => undefined);
    await this.#running;
  }

  /** Never rejects. Consumes until it is closed; a broken consumer is replaced by a new one. */
  async #run(): Promise<void> {
    const { clock, log, brokers } = this.#options;
    const kafka = await this.#client();
    for (let pauseMs = retryMs.first; !this.#abort.signal.aborted; pauseMs = Math.min(pauseMs * 2, retryMs.max)) {
      const reason = await this.#consume(kafka, () => {
        pauseMs = retryMs.first;
      }).catch((error: unknown) => error);
      if (this.#abort.signal.aborted) return;
      log.warn({ brokers, reason: String(reason), pauseMs }, 'the Kafka consumer broke; will try again');
      await clock.sleep(pauseMs, this.#abort.signal).catch(() => undefined);
    }
  }

  /** Loaded only where Kafka is configured. */
  async #client(): Promise<Kafka> {
    const { brokers, clientId, sasl, tls } = this.#options;
    const kafkajs = await import('kafkajs');
    return new kafkajs.Kafka({
      brokers: [...brokers],
      clientId,
      // It calls errors what it repairs itself; what it does not is told by its events.
      logLevel: kafkajs.logLevel.NOTHING,
      ...(sasl !== undefined && { sasl: sasl as SASLOptions }),
      ...(tls !== undefined && { ssl: { ...tls } }),
    });
  }

  /** Resolves with the reason when the consumer ends and does not start again by itself. */
  async #consume(kafka: Kafka, joined: () => void): Promise<unknown> {
    const { groupId, topics, fromBeginning, sessionTimeoutMs, heartbeatIntervalMs, log } = this.#options;
    const consumer = kafka.consumer({
      groupId,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: heartbeatIntervalMs,
      maxBytesPerPartition: chunkBytesMax,
      maxBytes: 2 * chunkBytesMax,
      retry: { restartOnFailure: () => Promise.resolve(!this.#abort.signal.aborted) },
    });
    this.#consumer = consumer;
    const { promise: ended, resolve: end } = Promise.withResolvers<unknown>();
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      if (!payload.restart) end(payload.error);
      else log.warn({ groupId, reason: payload.error.message }, 'the Kafka consumer starts again');
    });
    consumer.on(consumer.events.DISCONNECT, () => {
      if (this.#abort.signal.aborted) end('closed');
    });
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      joined();
      log.info({ groupId, partitions: payload.memberAssignment }, 'joined the Kafka consumer group');
    });
    try {
      await consumer.connect();
      await consumer.subscribe({ topics: [...topics], fromBeginning });
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: partitionsAtOnce,
        eachBatch: (payload) => this.#eachBatch(payload),
      });
      return await ended;
    } finally {
      await consumer.disconnect().catch(() => undefined);
    }
  }

  async #eachBatch(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload;
    const partition = `${batch.topic}/${batch.partition}`;
    for (let at = 0; at < batch.messages.length && payload.isRunning() && !payload.isStale(); ) {
      const chunk = batch.messages.slice(at, chunkEnd(batch.messages, at));
      const { done, error } = await whileBeating(
        this.#storeChunk(chunk, partition),
        payload.heartbeat,
        this.#options.clock,
        this.#options.heartbeatIntervalMs,
      );
      if (done > 0) {
        payload.resolveOffset(chunk[done - 1]!.offset);
        await payload.commitOffsetsIfNecessary(payload.uncommittedOffsets());
        this.#pauseMs.delete(partition);
      }
      at += done;
      if (done < chunk.length) {
        this.#pause(payload, partition, chunk[done]!.offset, error);
        return;
      }
    }
  }

  /** The partition is left alone for a while and then fetched from the first message that is not resolved. */
  #pause(payload: EachBatchPayload, partition: string, offset: string, error: unknown): void {
    const { clock, log } = this.#options;
    const before = this.#pauseMs.get(partition);
    let pauseMs = before === undefined ? retryMs.first : Math.min(before * 2, retryMs.max);
    if (error instanceof ExhaustedError) pauseMs = error.retryAfterMs;
    else this.#pauseMs.set(partition, pauseMs);
    this.counters.pauses++;
    log.warn({ partition, offset, reason: String(error), pauseMs }, 'a Kafka partition is paused');
    const resume = payload.pause();
    clock.sleep(pauseMs, this.#abort.signal).then(resume, () => undefined);
  }

  /** Never rejects. */
  async #storeChunk(chunk: readonly KafkaMessage[], partition: string): Promise<Outcome> {
    this.counters.received += chunk.length;
    const results = await Promise.allSettled(chunk.map((message) => this.#store(message)));
    const skipped: KafkaMessage[] = [];
    let firstReason = '';
    let outcome: Outcome = { done: chunk.length, error: undefined };
    for (let i = 0; i < results.length; i++) {
      const result = results[i]!;
      if (result.status === 'fulfilled') continue;
      if (!isHopeless(result.reason)) {
        outcome = { done: i, error: result.reason };
        break;
      }
      if (skipped.length === 0) firstReason = (result.reason as Error).message;
      skipped.push(chunk[i]!);
    }
    this.counters.stored += outcome.done - skipped.length;
    this.counters.skipped += skipped.length;
    if (skipped.length > 0) {
      const offsets = skipped.slice(0, 10).map(({ offset }) => offset);
      this.#options.log.warn(
        { partition, skipped: skipped.length, offsets, reason: firstReason },
        'Kafka messages that can never be stored are skipped',
      );
    }
    return outcome;
  }

  async #store(message: KafkaMessage): Promise<void> {
    const { gate, tenantOf, encoding, clock, ingest } = this.#options;
    const { value } = message;
    // A tombstone of a compacted topic.
    if (value === null) return;
    const tenant = tenantOf(header(message, 'x-scope-orgid'));
    const noGenerateMetrics = header(message, 'no-generate-metrics') !== undefined;
    gate.take(value.length);
    try {
      await ingest.push(tenant, translate(value, encoding, clock.nowUnixNano()), { noGenerateMetrics });
    } finally {
      gate.give(value.length);
    }
  }
}

/** A mistake of ours in translating may not stop a partition for ever either. */
function translate(value: Uint8Array, encoding: KafkaEncoding, nowUnixNano: bigint): Uint8Array {
  try {
    return translations[encoding](value, nowUnixNano);
  } catch (error) {
    if (error instanceof RubatoError) throw error;
    throw new RubatoError(ErrorKind.invalid, 'cannot_translate', `cannot translate: ${String(error)}`, error);
  }
}

function isHopeless(error: unknown): boolean {
  return error instanceof RubatoError && (error.kind === ErrorKind.invalid || error.code === 'batch_over_burst');
}

/** At least one message. */
function chunkEnd(messages: readonly KafkaMessage[], from: number): number {
  let bytes = messages[from]!.value?.length ?? 0;
  let end = from + 1;
  while (end < messages.length) {
    bytes += messages[end]!.value?.length ?? 0;
    if (bytes > chunkBytesMax) break;
    end++;
  }
  return end;
}

/** Of any case; the first of several. */
function header(message: KafkaMessage, name: string): string | undefined {
  for (const [key, value] of Object.entries(message.headers ?? {})) {
    if (key.toLowerCase() !== name) continue;
    const first = Array.isArray(value) ? value[0] : value;
    if (first !== undefined) return first.toString();
  }
  return undefined;
}

/** Heartbeats until `work` is done. @throws what a heartbeat threw, when `work` is done: the partition may be lost. */
async function whileBeating<Result>(
  work: Promise<Result>,
  heartbeat: () => Promise<void>,
  clock: Clock,
  intervalMs: number,
): Promise<Result> {
  const done = new AbortController();
  const beating = beat(heartbeat, clock, intervalMs, done.signal);
  const result = await work;
  done.abort();
  const failure = await beating;
  if (failure !== undefined) throw failure;
  return result;
}

/** Resolves with what a heartbeat threw. */
async function beat(
  heartbeat: () => Promise<void>,
  clock: Clock,
  intervalMs: number,
  done: AbortSignal,
): Promise<Error | undefined> {
  try {
    while (!done.aborted) {
      await heartbeat();
      await clock.sleep(intervalMs, done).catch(() => undefined);
    }
    return undefined;
  } catch (error) {
    return error as Error;
  }
}
