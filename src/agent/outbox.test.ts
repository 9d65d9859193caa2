import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ManualClock } from '../base/clock.ts';
import { ErrorKind, RubatoError } from '../base/errors.ts';
import { Outbox, type OutgoingRequest } from './outbox.ts';
import { Sender } from './sender.ts';
import type { SpooledRequest } from './spool.ts';

/** An outbox before a server that answers when the test says so. */
function rig(t: TestContext) {
  const clock = new ManualClock(1_000_000);
  const sent: { tenant: string | undefined; text: string; answer: PromiseWithResolvers<void> }[] = [];
  const client = {
    async send(parts: readonly Uint8Array[], headers: Readonly<Record<string, string>>) {
      const answer = Promise.withResolvers<void>();
      sent.push({ tenant: headers['x-scope-orgid'], text: Buffer.concat(parts).toString(), answer });
      await answer.promise;
      return { rejectedSpans: 0, message: '' };
    },
  };
  const log = { info: t.mock.fn(), warn: t.mock.fn(), error: t.mock.fn() };
  const sender = new Sender({ client, clock, log, orgIdOf: (tenant) => tenant });
  const spool = {
    bytes: 0,
    spooled: [] as string[],
    async append({ body }: SpooledRequest) {
      if (Buffer.from(body).toString() === 'too much') throw new RubatoError(ErrorKind.exhausted, 'spool_full', 'full');
      this.spooled.push(Buffer.from(body).toString());
      this.bytes += body.length;
    },
  };
  const outbox = new Outbox({ sender, spool, clock, batchBytesMax: 100 });
  const push = (text: string, tenant = 'a'): Promise<void> => {
    const request: OutgoingRequest = {
      tenant,
      noGenerateMetrics: false,
      parts: [...text].map((letter) => Buffer.from(letter)),
      bytes: text.length,
      spanCount: 1,
    };
    return outbox.push(request);
  };
  return { clock, sent, sender, spool, push };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
const failed = new RubatoError(ErrorKind.unavailable, 'server_unavailable', 'status 503');

test('while the server is quick it gets requests at once, joined by tenant, and the disk none', async (t) => {
  const { clock, sent, sender, spool, push } = rig(t);
  const pushes = [push('one '), push('two '), push('other', 'b')];
  let answered = 0;
  for (const each of pushes) void each.then(() => answered++);
  await turn();
  assert.deepEqual(
    sent.map(({ tenant, text }) => [tenant, text]),
    [
      ['a', 'one two '],
      ['b', 'other'],
    ],
  );
  assert.equal(answered, 0, 'nobody is answered before the server has');
  sent[1]!.answer.resolve();
  await pushes[2];
  assert.equal(answered, 1);
  sent[0]!.answer.resolve();
  await Promise.all(pushes);
  // The next one waits for company, except that a full batch goes.
  const late = [push('late')];
  await turn();
  assert.equal(sent.length, 2);
  await clock.advance(20);
  await turn();
  assert.equal(sent[2]?.text, 'late');
  late.push(push('x'.repeat(100)));
  await turn();
  assert.equal(sent[3]?.text.length, 100);
  for (const { answer } of sent) answer.resolve();
  await Promise.all(late);
  assert.deepEqual(spool.spooled, []);
  assert.equal(sender.counters.sentSpans, 5);
});

test('what the server does not take is on the disk before its sender is answered, and what follows goes behind it', async (t) => {
  const { clock, sent, sender, spool, push } = rig(t);
  const first = push('first');
  const tooMuch = push('too much');
  await turn();
  sent[0]!.answer.reject(failed);
  await first;
  await assert.rejects(tooMuch, { code: 'spool_full' });
  assert.deepEqual(spool.spooled, ['first']);
  assert.equal(sender.counters.retries, 1);
  await push('second');
  spool.bytes = 0;
  await push('third');
  assert.deepEqual(spool.spooled, ['first', 'second', 'third'], 'until the server has taken what waits');
  assert.equal(sent.length, 1);
  // As delivery from the spool does.
  spool.bytes = 0;
  const delivered = sender.send({ tenant: 'a', noGenerateMetrics: false }, [Buffer.from('first')], 1);
  await turn();
  sent[1]!.answer.resolve();
  await delivered;
  const last = push('last');
  await clock.advance(20);
  await turn();
  sent[2]?.answer.resolve();
  await last;
  assert.equal(sent[2]?.text, 'last');
});

test('a slow server is not the pace of those who send', async (t) => {
  const { clock, sent, spool, push } = rig(t);
  const slow = push('slow');
  await turn();
  await clock.advance(201);
  await push('while it is on its way');
  spool.bytes = 0;
  sent[0]!.answer.resolve();
  await slow;
  await push('after it');
  assert.deepEqual(spool.spooled, ['while it is on its way', 'after it']);
});
