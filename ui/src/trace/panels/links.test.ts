import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDetails, type SpanDetail } from '../data/detail.ts';
import { outsideLinks } from './links.ts';

const [span] = readDetails([
  {
    resource: { attributes: [{ key: 'service.name', value: { stringValue: 'a&b' } }] },
    scopeSpans: [
      {
        spans: [
          {
            traceId: '0af7651916cd43dd8448eb211c80319c',
            spanId: 'b7ad6b7169203331',
            name: 'GET /',
            startTimeUnixNano: '1700000000000000000',
            endTimeUnixNano: '1700000000500000000',
            attributes: [{ key: 'evil', value: { stringValue: 'javascript:alert(1)' } }],
          },
        ],
      },
    ],
  },
]) as [SpanDetail];

test('templates are filled in, percent-encoded', () => {
  const url = 'https://logs/?q={traceId}&s={resource.service.name}&from={startMs}&to={endMs}';
  assert.deepEqual(outsideLinks([{ name: 'Logs', url }], span), [
    {
      name: 'Logs',
      url: 'https://logs/?q=0af7651916cd43dd8448eb211c80319c&s=a%26b&from=1700000000000&to=1700000000501',
    },
  ]);
});

test('a link that wants what the span does not have is left out', () => {
  assert.deepEqual(outsideLinks([{ name: 'Pod', url: 'https://x/{resource.k8s.pod.name}' }], span), []);
});

test('nothing but an address of the web becomes a link', () => {
  const urls = ['javascript:alert(1)', '{span.evil}', 'data:text/html,x', 'no address'];
  assert.deepEqual(
    outsideLinks(
      urls.map((url) => ({ name: 'x', url })),
      span,
    ),
    [],
  );
});
