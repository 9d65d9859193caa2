import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import type { Producer } from 'kafkajs';
import {
  committedOffset,
  connectProducer,
  type MockBroker,
  missingKcat,
  startMockBroker,
} from '../../../test/support/kafka.ts';
import { systemClock } from '../../base/clock.ts';
import { ErrorKind, ExhaustedError, RubatoError } from '../../base/errors.ts';
import { plainResource, plainSpan } from '../../model/plain-span.ts';
import { plainSpansToOtlp } from '../../protocol/otlp/encode-plain.ts';
import { BodyGate } from './body-gate.ts';
import { KafkaReceiver, type KafkaReceiverOptions } from './kafka-receiver.ts';
import { TableIngest } from './testing/table-ingest.ts';

const skip = missingKcat();
let broker: MockBroker;
let producer: Producer;
before(async () => {
  if (skip !== false) return;
  broker = await startMockBroker();
  producer = await connectProducer(broker);
});
after(async () => {
  if (skip !== false) return;
  await producer.disconnect();
  broker.stop();
});

function request(name: string): Buffer {
  const resource = plainResource({ attributes: [{ key: 'service.name', value: { type: 'string', value: 'shop' } }] });
  const ids = { traceId: '0102030405060708090a0b0c0d0e0f10', spanId: '1112131415161718' };
  return Buffer.from(plainSpansToOtlp([plainSpan({ ...ids, name, resource })]));
}

const produce = (topic: string, messages: { value: Buffer | null; headers?: Record<string, string> }[]) =>
  producer.send({ topic, messages: messages.map((message) => ({ ...message, partition: 0 })) });

async function until(what: string, met: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; ) {
    if (await met()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail(`never happened: ${what}`);
}

async function start(t: TestContext, topic: string, options: Partial<KafkaReceiverOptions> = {}) {
  const ingest = new TableIngest();
  const gate = new BodyGate(1 << 20);
  const warnings: { fields: Record<string, unknown>; message: string }[] = [];
  const receiver = new KafkaReceiver({
    brokers: [broker.address],
    topics: [topic],
    encoding: 'otlp_proto',
    groupId: `group of ${topic}`,
    clientId: 'test',
    fromBeginning: true,
    sessionTimeoutMs: 6000,
    heartbeatIntervalMs: 500,
    sasl: undefined,
    tls: undefined,
    ingest,
    gate,
    tenantOf: (orgId) => {
      if (orgId === undefined) throw new RubatoError(ErrorKind.invalid, 'no_org_id', 'no org id');
      return orgId;
    },
    clock: systemClock,
    log: {
      info: () => undefined,
      warn: (fields, message) => warnings.push({ fields: fields as Record<string, unknown>, message }),
      error: () => undefined,
    },
    ...options,
  });
  await receiver.listen();
  let closed = false;
  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    await receiver.close();
  };
  t.after(close);
  return { ingest, gate, receiver, warnings, close };
}

const tenant = { 'X-Scope-OrgID': 'a' };

test('messages are stored for the tenant of their header, and committed', { skip }, async (t) => {
  await produce('stored', [
    { value: request('one'), headers: tenant },
    { value: request('two'), headers: { 'x-scope-orgid': 'b', 'no-generate-metrics': '1' } },
    { value: null, headers: tenant },
  ]);
  const { ingest, gate, receiver, close } = await start(t, 'stored');
  await until('stored', () => receiver.counters.stored === 3);
  await close();
  assert.deepEqual([ingest.spans('a')[0]?.name, ingest.spans('b')[0]?.name], ['one', 'two']);
  assert.deepEqual(
    ingest.pushes.map(({ options }) => options.noGenerateMetrics),
    [false, true],
  );
  assert.equal(gate.heldBytes, 0);
  assert.equal(await committedOffset(broker, 'group of stored', 'stored'), 3);
});

test('a message that can never be stored is skipped and named, and blocks nothing', { skip }, async (t) => {
  await produce('poison', [
    { value: request('one'), headers: tenant },
    { value: Buffer.from('no protobuf at all'), headers: tenant },
    { value: request('no tenant') },
    { value: request('two'), headers: tenant },
  ]);
  const { ingest, receiver, warnings, close } = await start(t, 'poison');
  await until('consumed', () => receiver.counters.stored === 2 && receiver.counters.skipped === 2);
  await close();
  assert.deepEqual(
    ingest.spans('a').map(({ name }) => name),
    ['one', 'two'],
  );
  const named = warnings.find(({ fields }) => fields['skipped'] !== undefined);
  assert.deepEqual(named?.fields['offsets'], ['1', '2']);
  assert.equal(await committedOffset(broker, 'group of poison', 'poison'), 4);
});

test('under back-pressure the partition pauses, nothing is committed, and it goes on where it stopped', {
  skip,
}, async (t) => {
  await produce('pressed', [
    { value: request('one'), headers: tenant },
    { value: request('two'), headers: tenant },
  ]);
  const ingest = new TableIngest();
  ingest.failure = new ExhaustedError('writer_busy', 'busy', 100);
  const { receiver, close } = await start(t, 'pressed', { ingest });
  await until('two pauses', () => receiver.counters.pauses >= 2);
  assert.equal(receiver.counters.stored, 0);
  assert.equal(await committedOffset(broker, 'group of pressed', 'pressed'), -1);
  ingest.failure = new RubatoError(ErrorKind.unavailable, 'away', 'the store is away');
  const pauses = receiver.counters.pauses;
  await until('a pause for another reason', () => receiver.counters.pauses > pauses);
  ingest.failure = undefined;
  await until('stored', () => receiver.counters.stored === 2);
  await close();
  assert.equal(ingest.spans('a').length, 2);
  assert.equal(await committedOffset(broker, 'group of pressed', 'pressed'), 2);
});

test('closing waits for what is being stored and commits it', { skip }, async (t) => {
  await produce('closing', [{ value: request('one'), headers: tenant }]);
  const ingest = new TableIngest();
  const { promise, resolve: store } = Promise.withResolvers<void>();
  ingest.until = promise;
  const { receiver, close } = await start(t, 'closing', { ingest });
  await until('received', () => receiver.counters.received === 1);
  const closed = close();
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(await committedOffset(broker, 'group of closing', 'closing'), -1);
  store();
  await closed;
  assert.equal(await committedOffset(broker, 'group of closing', 'closing'), 1);
});
