import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../base/clock.ts';
import { ErrorKind, invalid, RubatoError } from '../../base/errors.ts';
import { plainSpan } from '../../model/plain-span.ts';
import { plainSpansToOtlp } from '../../protocol/otlp/encode-plain.ts';
import { BodyGate } from './body-gate.ts';
import { forwardFilter } from './forward-filter.ts';
import { ForwardIngest } from './forward-ingest.ts';
import { Forwarder, type ForwarderParts, type ForwarderSpec } from './forwarder.ts';
import { OtlpGrpcReceiver } from './otlp-grpc-receiver.ts';
import { TableIngest } from './testing/table-ingest.ts';

const host = '127.0.0.1';

function request(...names: string[]): Uint8Array {
  const event = { timeUnixNano: 1n, attributes: [], droppedAttributesCount: 0 };
  return plainSpansToOtlp(
    names.map((name, i) =>
      plainSpan({
        traceId: '0102030405060708090a0b0c0d0e0f10',
        spanId: `111213141516171${i}`,
        name,
        events: [
          { ...event, name: 'noise' },
          { ...event, name: 'signal' },
        ],
      }),
    ),
  );
}

/** The other side, and a forwarder to it. */
async function start(
  t: TestContext,
  given: Partial<ForwarderSpec> | ((port: number) => Partial<ForwarderSpec>) = {},
  parts: Partial<ForwarderParts> = {},
) {
  const ingest = new TableIngest();
  const gate = new BodyGate(1 << 20);
  const tenantOf = (orgId: string | undefined): string => orgId ?? 'none';
  const receiver = new OtlpGrpcReceiver({ host, port: 0, messageBytesMax: 1 << 20, ingest, gate, tenantOf });
  const port = await receiver.listen();
  const spec = typeof given === 'function' ? given(port) : given;
  const warnings: string[] = [];
  const log = { info: () => undefined, warn: (_: object, text: string) => warnings.push(text), error: () => undefined };
  const forwarder = new Forwarder(
    { name: 'copy', endpoints: [{ host, port }], tls: undefined, filter: undefined, ...spec },
    { clock: systemClock, log, ...parts },
  );
  t.after(async () => {
    await forwarder.close(0);
    await receiver.close();
  });
  return { ingest, forwarder, warnings };
}

async function until(what: string, met: () => boolean): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (met()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail(`never happened: ${what}`);
}

test('a copy arrives with its tenant, whatever becomes of the bytes it was made from', async (t) => {
  const { ingest, forwarder } = await start(t);
  const body = request('one');
  forwarder.push('a', body);
  body.fill(0);
  await until('sent', () => forwarder.counters.sent === 1);
  assert.deepEqual(
    ingest.spans('a').map(({ name }) => name),
    ['one'],
  );
  await until('nothing waits', () => forwarder.waitingBytes === 0);
});

test('spans and events that meet a condition are left out, and a request of nothing else is not sent', async (t) => {
  const filter = forwardFilter({ span: ['name == "two"', 'name == "three"'], spanEvent: ['name == "noise"'] });
  const { ingest, forwarder } = await start(t, { filter });
  forwarder.push('a', request('one', 'two', 'three'));
  forwarder.push('a', request('two', 'three'));
  await until('both are through', () => forwarder.counters.sent === 1 && forwarder.counters.filtered === 1);
  const [span, ...others] = ingest.spans('a');
  assert.equal(span?.name, 'one');
  assert.deepEqual(
    span?.events.map(({ name }) => name),
    ['signal'],
  );
  assert.deepEqual(others, []);
});

test('what is unavailable is tried again, what is refused is dropped', async (t) => {
  const { ingest, forwarder, warnings } = await start(t);
  ingest.failure = new RubatoError(ErrorKind.unavailable, 'away', 'the store is away');
  forwarder.push('a', request('one'));
  await until('a second try', () => forwarder.counters.retries >= 1);
  ingest.failure = undefined;
  await until('sent', () => forwarder.counters.sent === 1);
  ingest.failure = invalid('bad', 'never');
  forwarder.push('a', request('two'));
  await until('dropped', () => forwarder.counters.droppedRefused === 1);
  assert.deepEqual(warnings, ['a forwarded request was refused and is dropped']);
  assert.equal(ingest.spans('a').length, 1);
});

test('an endpoint that does not answer is passed over for the next', async (t) => {
  const closed = { host, port: 1 };
  const { ingest, forwarder } = await start(t, (port) => ({ endpoints: [closed, { host, port }] }));
  forwarder.push('a', request('one'));
  await until('sent', () => forwarder.counters.sent === 1);
  assert.equal(forwarder.counters.retries, 1);
  assert.equal(ingest.spans('a').length, 1);
});

test('a full queue drops what comes, and a bounded end drops what waits', async (t) => {
  const body = request('one');
  const { ingest, forwarder } = await start(t, {}, { queueBytesMax: body.length });
  const { promise, resolve } = Promise.withResolvers<void>();
  ingest.until = promise;
  forwarder.push('a', body);
  forwarder.push('a', body);
  assert.equal(forwarder.counters.droppedFull, 1);
  const started = performance.now();
  await forwarder.close(50);
  assert.ok(performance.now() - started < 2000);
  assert.equal(forwarder.counters.droppedLate, 1);
  resolve();
});

test('only what was stored is forwarded, to the forwarders of its tenant', async (t) => {
  const { ingest: remote, forwarder } = await start(t);
  const local = new TableIngest();
  const ingest = new ForwardIngest(local, [forwarder], (tenant) => (tenant === 'a' ? ['copy', 'unknown'] : []));
  const options = { noGenerateMetrics: false };
  await ingest.push('a', request('one'), options);
  await ingest.push('b', request('two'), options);
  local.failure = invalid('bad', 'never');
  await assert.rejects(ingest.push('a', request('three'), options), /never/);
  await until('sent', () => forwarder.counters.sent === 1);
  assert.equal(forwarder.counters.pushed, 1);
  assert.deepEqual(
    remote.spans('a').map(({ name }) => name),
    ['one'],
  );
});
