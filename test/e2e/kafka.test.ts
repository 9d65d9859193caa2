/** The server consumes Kafka; a consumer that died before it committed has its messages repeated, and none is seen twice. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { plainResource, plainSpan } from '../../src/model/plain-span.ts';
import { plainSpansToOtlp } from '../../src/protocol/otlp/encode-plain.ts';
import { committedOffset, connectProducer, type MockBroker, missingKcat, startMockBroker } from '../support/kafka.ts';
import { getJson, request, startTestServer, type TestServer, temporaryFolder } from '../support/server.ts';

const consumer = path.resolve(import.meta.dirname, '../support/kafka-consumer.ts');
const topic = 'spans';
const group = 'rubato';
const traceId = '0102030405060708090a0b0c0d0e0f10';

function message(): Buffer {
  const now = BigInt(Date.now()) * 1_000_000n;
  const span = plainSpan({
    traceId,
    spanId: '1112131415161718',
    name: 'checkout',
    startTimeUnixNano: now,
    endTimeUnixNano: now + 1000n,
    resource: plainResource({ attributes: [{ key: 'service.name', value: { type: 'string', value: 'shop' } }] }),
  });
  return Buffer.from(plainSpansToOtlp([span]));
}

/** A consumer of the group stores what it gets through the server, and is killed before it commits. */
function consumeAndDie(broker: MockBroker, server: TestServer): Promise<void> {
  const child = spawn(process.execPath, [consumer, broker.address, topic, group, server.otlpHttp], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return new Promise((resolve, reject) => {
    const deadline = setTimeout(() => child.kill('SIGKILL'), 30_000);
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      child.kill('SIGKILL');
    });
    child.once('exit', () => {
      clearTimeout(deadline);
      if (said === 'stored\n') resolve();
      else reject(new Error(`the consumer said ${said}`));
    });
  });
}

test('messages of a consumer that was killed before it committed are repeated, and each span is one', {
  skip: missingKcat(),
}, async (t) => {
  const broker = await startMockBroker();
  t.after(() => broker.stop());
  const folder = temporaryFolder('kafka');
  t.after(() => folder.remove());
  const producer = await connectProducer(broker);
  t.after(() => producer.disconnect());
  await producer.send({ topic, messages: [{ partition: 0, value: message() }] });

  const first = await startTestServer({ dataFolder: folder.path });
  t.after(() => first.kill());
  await consumeAndDie(broker, first);
  assert.equal(await first.stop(), 0);
  assert.equal(await committedOffset(broker, group, topic), -1);

  const kafka = {
    brokers: [broker.address],
    topic,
    group_id: group,
    initial_offset: 'earliest',
    session_timeout: '6s',
  };
  const second = await startTestServer({ dataFolder: folder.path, receivers: { kafka } });
  t.after(() => second.kill());
  for (const deadline = Date.now() + 30_000; (await committedOffset(broker, group, topic)) !== 1; ) {
    assert.ok(Date.now() < deadline, `the message was never committed; the server says:\n${second.log()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const metrics = (await request(`${second.http}/metrics`)).body.toString();
  assert.match(metrics, /^rubato_receiver_kafka_messages_total\{outcome="stored"\} 1$/m);
  assert.match(
    metrics,
    /^tempo_distributor_spans_received_total\{tenant="single-tenant"\} 1$/m,
    'it was stored a second time',
  );

  const trace = await getJson<{ batches: { scopeSpans: { spans: { name: string }[] }[] }[] }>(
    `${second.http}/api/traces/${traceId}`,
  );
  const spans = trace.batches.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans));
  assert.deepEqual(
    spans.map(({ name }) => name),
    ['checkout'],
  );
  const end = Math.ceil(Date.now() / 1000) + 5;
  const found = await getJson<{ traces: { spanSets: { matched: number }[] }[] }>(
    `${second.http}/api/search?q=${encodeURIComponent('{ name = "checkout" }')}&start=${end - 600}&end=${end}`,
  );
  assert.deepEqual(
    found.traces.map(({ spanSets }) => spanSets[0]?.matched),
    [1],
  );
  assert.equal(await second.stop(), 0);
});
