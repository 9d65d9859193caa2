import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTraceParent } from './trace-context.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const spanId = 'b7ad6b7169203331';

test('a traceparent names the trace, the span, and whether it is recorded', () => {
  assert.deepEqual(parseTraceParent(`00-${traceId}-${spanId}-01`), { traceId, spanId, isSampled: true });
  assert.deepEqual(parseTraceParent(` 00-${traceId}-${spanId}-00 `), { traceId, spanId, isSampled: false });
  assert.deepEqual(parseTraceParent(`cc-${traceId}-${spanId}-03-what-comes`), { traceId, spanId, isSampled: true });
});

test('what is no traceparent is none', () => {
  const zeros = '0'.repeat(32);
  for (const header of [
    undefined,
    '',
    `ff-${traceId}-${spanId}-01`,
    `00-${traceId}-${spanId}-01-more`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
    `00-${zeros}-${spanId}-01`,
    `00-${traceId}-${zeros.slice(0, 16)}-01`,
    `00-${traceId}-${spanId}`,
  ])
    assert.equal(parseTraceParent(header), undefined, header);
});
