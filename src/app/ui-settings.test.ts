import assert from 'node:assert/strict';
import { test } from 'node:test';
import { uiSettings } from './ui-settings.ts';

test('the web UI is told where spans are taken over OTLP, and nothing of other receivers', () => {
  const config = { ui: { span_links: [] }, multitenancy_enabled: true };
  const limits = { host: '0.0.0.0', tls: undefined, implied: false };
  const specs = [
    { ...limits, type: 'otlp/grpc', port: 1, messageBytesMax: 1 },
    { ...limits, type: 'jaeger/grpc', port: 2, messageBytesMax: 1 },
    { ...limits, type: 'otlp/http', port: 3, bodyBytesMax: 1, corsAllowedOrigins: [] },
  ] as const;
  assert.deepEqual(uiSettings(config, specs), {
    spanLinks: [],
    receivers: [
      { protocol: 'otlp/grpc', port: 1, tls: false },
      { protocol: 'otlp/http', port: 3, tls: false },
    ],
    multitenancy: true,
  });
});
