/** What the web UI is told of the configuration. */
import type { UiReceiver, UiSettings } from '../api/contract/index.ts';
import type { ReceiverSpec } from '../roles/write/receivers.ts';
import type { Config } from './config/schema.ts';

export function uiSettings(
  config: Pick<Config, 'ui' | 'multitenancy_enabled'>,
  specs: readonly ReceiverSpec[],
): UiSettings {
  const receivers: UiReceiver[] = [];
  for (const spec of specs) {
    if (spec.type === 'otlp/grpc' || spec.type === 'otlp/http')
      receivers.push({ protocol: spec.type, port: spec.port, tls: spec.tls !== undefined });
  }
  return { spanLinks: config.ui.span_links, receivers, multitenancy: config.multitenancy_enabled };
}
