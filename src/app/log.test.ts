import assert from 'node:assert/strict';
import { test } from 'node:test';
import { logfmtLine } from './log.ts';

test('a line of logfmt has level, time and message first, and quotes what needs it', () => {
  const json = {
    level: 40,
    time: 0,
    part: 'write',
    reason: 'a "b"=c',
    count: 3,
    list: [1],
    empty: '',
    msg: 'it is so',
  };
  assert.equal(
    logfmtLine(JSON.stringify(json)),
    'level=warn ts=1970-01-01T00:00:00.000Z msg="it is so" part=write reason="a \\"b\\"=c" count=3 list=[1] empty=""\n',
  );
});
