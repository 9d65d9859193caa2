import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../base/clock.ts';
import { ExhaustedError } from '../base/errors.ts';
import { FailureLimiter, networkOf } from './failures.ts';

function limiter() {
  let nowMs = 0;
  const clock = { nowMs: () => nowMs } as Clock;
  return {
    limiter: new FailureLimiter({ failuresMax: 2, windowMs: 60_000 }, clock),
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

test('an address that failed too often is told how long to wait, and only that address', () => {
  const { limiter: failures, pass } = limiter();
  failures.fail('1.1.1.1');
  failures.check('1.1.1.1');
  failures.fail('1.1.1.1');
  pass(20_000);
  assert.throws(
    () => failures.check('1.1.1.1'),
    (error) => error instanceof ExhaustedError && error.retryAfterMs === 40_000,
  );
  failures.check('1.1.1.2');
  pass(40_000);
  failures.check('1.1.1.1');
});

test('a failure that was none is taken back', () => {
  const { limiter: failures } = limiter();
  failures.fail('1.1.1.1');
  failures.fail('1.1.1.1');
  failures.takeBack('1.1.1.1');
  failures.check('1.1.1.1');
});

test('who owns an IPv6 network has one count, however it is written', () => {
  assert.equal(networkOf('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::/64');
  assert.equal(networkOf('2001:db8:1:2::1'), '2001:db8:1:2::/64');
  assert.equal(networkOf('2001:0DB8:0001:0002::'), '2001:db8:1:2::/64');
  assert.equal(networkOf('::1'), '0:0:0:0::/64');
  assert.equal(networkOf('fe80::1%eth0'), 'fe80:0:0:0::/64');
  assert.equal(networkOf('::ffff:10.0.0.1'), '10.0.0.1');
  assert.equal(networkOf('10.0.0.1'), '10.0.0.1');
});
