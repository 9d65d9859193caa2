import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { checkQuery } from '../../../src/traceql/check.ts';
import { parseQuery } from '../../../src/traceql/parser.ts';
import { edgeQuery, type NodeName, nodeQuery } from './queries.ts';

const node = fc.record({
  kind: fc.constantFrom('service' as const, 'database' as const, 'messaging' as const, 'external' as const),
  name: fc.string({ unit: 'binary' }),
  system: fc.constantFrom('', 'redis', 'a "b" \\'),
});

test('queries of nodes and edges are TraceQL, whatever they are called', () => {
  fc.assert(
    fc.property(node, node, (a: NodeName, b: NodeName) => {
      checkQuery(parseQuery(nodeQuery(a, 'status = error')));
      checkQuery(parseQuery(edgeQuery(a, b)));
    }),
  );
});

test('a query says what was clicked', () => {
  const shop = { kind: 'service', name: 'shop', system: '' } as const;
  const mails = { kind: 'messaging', name: 'mails', system: 'kafka' } as const;
  assert.equal(nodeQuery(shop), '{ resource.service.name = "shop" }');
  assert.equal(
    nodeQuery({ kind: 'database', name: 'redis', system: 'redis' }),
    '{ kind = client && (span.db.system.name = "redis" || span.db.system = "redis") }',
  );
  assert.equal(edgeQuery(shop, shop), '{ resource.service.name = "shop" } > { resource.service.name = "shop" }');
  assert.match(edgeQuery(mails, shop), /^\{ resource\.service\.name = "shop" && kind = consumer && \(span\.messaging/);
});
