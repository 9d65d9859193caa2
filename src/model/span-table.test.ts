import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SpanTable, sameBytes } from './span-table.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const textOf = (
  table: { valueOffset: Uint32Array; valueLength: Uint32Array; arena: Uint8Array },
  id: number,
): string => {
  const at = table.valueOffset[id]!;
  return Buffer.from(table.arena.slice(at, at + table.valueLength[id]!)).toString();
};

function addSpan(table: SpanTable, traceNumber: number, valueIds: readonly number[]): void {
  const id = new Uint8Array(16);
  new DataView(id.buffer).setUint32(12, traceNumber);
  const row = table.reserveSpan();
  table.trace[row] = table.traceIndex(id, 0);
  table.spanId[row * 2] = row + 1;
  for (const value of valueIds) table.pushAttr(value);
  table.attrEnd[row] = table.attrCount;
  table.eventEnd[row] = table.eventCount;
  table.linkEnd[row] = table.linkCount;
  table.spanCount++;
}

test('equal bytes of one column are one value, of two columns two', () => {
  const table = new SpanTable(1);
  const a = table.column('span', 'k', 'string');
  const b = table.column('span', 'k', 'any');
  assert.equal(table.column('span', 'k', 'string'), a);
  assert.notEqual(a, b);
  const id = table.value(a, bytes('value'), 0, 5);
  assert.equal(table.value(a, bytes('a value'), 2, 5), id);
  assert.notEqual(table.value(b, bytes('value'), 0, 5), id);
  assert.equal(table.valueColumn[id], a);
  assert.equal(textOf(table, id), 'value');
  assert.deepEqual(table.columnSize, [1, 1]);
});

test('the dictionary finds every value again, whatever its length and however much it grew', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 90 }), { maxLength: 200 }), fc.nat(3), (values, copies) => {
      const table = new SpanTable(1);
      const columns = ['a', 'b'].map((key) => table.column('event', key, 'string'));
      const ids = new Map<string, number>();
      for (let round = 0; round <= copies; round++)
        for (const value of values)
          for (const column of columns) {
            const id = table.value(column, value, 0, value.length);
            const name = `${column} ${Buffer.from(value).toString('hex')}`;
            assert.equal(ids.get(name) ?? id, id);
            ids.set(name, id);
            assert.equal(table.valueColumn[id], column);
          }
      assert.equal(table.valueCount, ids.size + 1);
    }),
  );
});

test('a hundred thousand values keep their bytes, locals and ids', () => {
  const table = new SpanTable(1);
  const columns = [0, 1, 2].map((i) => table.column('span', `k${i}`, 'string'));
  for (let i = 0; i < 100_000; i++) {
    const text = bytes(`value ${i}`);
    assert.equal(table.value(columns[i % 3]!, text, 0, text.length), i + 1);
  }
  for (let i = 0; i < 100_000; i += 997) {
    const text = bytes(`value ${i}`);
    assert.equal(table.value(columns[i % 3]!, text, 0, text.length), i + 1);
    assert.equal(textOf(table, i + 1), `value ${i}`);
    assert.equal(table.valueLocal[i + 1], Math.floor(i / 3));
  }
});

test('eight bytes are one value, as words or as bytes', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer(), (low, high) => {
      const table = new SpanTable(1);
      const column = table.column('span', 'k', 'int');
      const view = new DataView(new ArrayBuffer(11));
      view.setInt32(3, low, true);
      view.setInt32(7, high, true);
      const id = table.valueWords(column, low, high);
      assert.equal(table.valueAt(column, view, 3, 8), id);
      assert.equal(table.valueWords(column, low >>> 0, high >>> 0), id);
      assert(table.isValueWords(id, low >>> 0, high));
      assert(!table.isValueWords(id, low ^ 1, high));
    }),
  );
});

test('bytes are compared to the last one', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.nat(), (content, at) => {
      const view = (data: Uint8Array): DataView => new DataView(Uint8Array.of(9, 9, ...data).buffer);
      assert(sameBytes(view(content), 2, view(content), 2, content.length));
      const changed = content.slice();
      changed[at % content.length]! ^= 0x80;
      assert(!sameBytes(view(content), 2, view(changed), 2, content.length));
    }),
  );
});

test('trace ids are found by their bytes', () => {
  const table = new SpanTable(1);
  for (let i = 0; i < 20_000; i++) addSpan(table, i % 10_000, []);
  assert.equal(table.traceCount, 10_000);
  const id = new Uint8Array(20);
  new DataView(id.buffer).setUint32(16, 4321);
  assert.equal(table.findTrace(id, 4), 4321);
  assert.equal(table.traceIndex(id, 4), 4321);
  assert.deepEqual(new Uint8Array(table.traceIds.buffer, 4321 * 16, 16), id.subarray(4));
  assert.equal(table.findTrace(new Uint8Array(16).fill(1)), -1);
});

test('rows come back after growth', () => {
  const table = new SpanTable(4);
  const column = table.column('span', 'n', 'int');
  for (let i = 0; i < 5000; i++) {
    addSpan(table, i >> 3, [table.valueWords(column, i, 0), table.valueWords(column, -1, -1)]);
    const event = table.reserveEvent();
    table.eventTime[event * 2] = i;
    table.pushEventAttr(i);
    table.eventAttrEnd[event] = table.eventAttrCount;
    table.eventCount++;
    const link = table.reserveLink();
    table.linkTraceId[link * 4 + 3] = i;
    table.linkSpanId[link * 2 + 1] = i;
    table.pushLinkAttr(i);
    table.linkAttrEnd[link] = table.linkAttrCount;
    table.linkCount++;
    assert.equal(table.addResource([i, i + 1]), i);
  }
  for (let i = 0; i < 5000; i += 7) {
    assert.equal(table.attrEnd[i], i * 2 + 2);
    assert(table.isValueWords(table.attrs[i * 2]!, i, 0));
    assert.equal(table.spanId[i * 2], i + 1);
    assert.equal(table.eventTime[i * 2], i);
    assert.equal(table.eventAttrs[i], i);
    assert.equal(table.linkTraceId[i * 4 + 3], i);
    assert.equal(table.linkSpanId[i * 2 + 1], i);
    assert.equal(table.linkAttrs[i], i);
    assert.deepEqual([...table.resourceAttrs.subarray(i * 2, i * 2 + 2)], [i, i + 1]);
  }
});

test('rollback forgets rows and nothing else', () => {
  const table = new SpanTable(4);
  const column = table.column('span', 'n', 'int');
  addSpan(table, 1, [table.valueWords(column, 1, 0)]);
  const mark = table.mark();
  addSpan(table, 2, [table.valueWords(column, 2, 0)]);
  table.rollback(mark);
  assert.deepEqual(table.mark(), mark);
  addSpan(table, 2, [table.valueWords(column, 3, 0)]);
  assert.equal(table.attrEnd[1], 2);
  assert(table.isValueWords(table.attrs[1]!, 3, 0));
  assert.equal(table.traceCount, 2);
  assert.throws(() => table.rollback({ ...mark, spanCount: 9 }), /broken invariant/);
});

test('what is shared stays as it was while the table grows on', () => {
  const table = new SpanTable(2);
  const column = table.column('span', 'k', 'string');
  addSpan(table, 1, [table.value(column, bytes('first'), 0, 5)]);
  const shared = table.share();
  const before = structuredClone({ ...shared, columns: shared.columns });
  for (let i = 0; i < 10_000; i++) addSpan(table, i, [table.value(column, bytes(`value ${i}`), 0, 7)]);
  assert.equal(shared.spanCount, 1);
  assert.equal(shared.valueCount, 2);
  assert.equal(textOf(shared, shared.attrs[0]!), 'first');
  assert.equal(shared.columns.length, 1);
  for (const [name, array] of Object.entries(before))
    if (array instanceof Uint32Array) assert(array.buffer instanceof SharedArrayBuffer, name);
  assert.equal(table.share({ ...table.mark(), spanCount: 5 }).spanCount, 5);
});

test('several tables may come after one, which takes no more values then', () => {
  const table = new SpanTable(1);
  const column = table.column('span', 'k', 'string');
  table.value(column, bytes('old'), 0, 3);
  for (let i = 0; i < 2; i++) {
    const next = new SpanTable(1, table);
    const key = next.column('span', 'k', 'string');
    assert.equal(next.value(key, bytes('a'), 0, 1), next.value(key, bytes('a'), 0, 1));
    assert.notEqual(next.value(key, bytes('b'), 0, 1), next.value(key, bytes('a'), 0, 1));
  }
  assert.throws(() => table.value(column, bytes('new'), 0, 3), /takes no more rows/);
});
