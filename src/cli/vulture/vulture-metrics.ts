/** What the vulture has seen, as Prometheus metrics under the names of Tempo's vulture. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { Counter, Registry } from 'prom-client';
import { ErrorKind, RubatoError } from '../../base/errors.ts';
import { type FailureName, failureNames } from './checks.ts';

export class VultureMetrics {
  readonly registry = new Registry();
  readonly #checks: Counter;
  readonly #failures: Counter;
  readonly #errors: Counter;

  constructor() {
    const registers = [this.registry];
    this.#checks = new Counter({ name: 'tempo_vulture_trace_total', help: 'Traces checked.', registers });
    this.#failures = new Counter({
      name: 'tempo_vulture_trace_error_total',
      help: 'Traces that could not be read as they were written.',
      labelNames: ['error'],
      registers,
    });
    // A counter that is there from the start rises from 0 when something happens, which alerts can see.
    for (const error of failureNames) this.#failures.inc({ error }, 0);
    this.#errors = new Counter({ name: 'tempo_vulture_error_total', help: 'Writes that failed.', registers });
  }

  checked(): void {
    this.#checks.inc();
  }

  failed(error: FailureName): void {
    this.#failures.inc({ error });
  }

  writeFailed(): void {
    this.#errors.inc();
  }
}

export interface MetricsPage {
  readonly port: number;
  close(): void;
}

/** @param address `host:port` or `:port`. @throws RubatoError config when it cannot be listened on */
export async function serveMetrics(registry: Registry, address: string, path: string): Promise<MetricsPage> {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '') || '0.0.0.0';
  const port = Number(address.slice(colon + 1));
  if (colon === -1 || !Number.isInteger(port) || port > 65535)
    throw new RubatoError(ErrorKind.config, 'bad_address', `${JSON.stringify(address)} is not host:port`);
  const server = http.createServer(async (request, response) => {
    const isMetrics = request.url?.split('?', 1)[0] === path;
    response.statusCode = isMetrics ? 200 : 404;
    if (isMetrics) response.setHeader('content-type', registry.contentType);
    response.end(isMetrics ? await registry.metrics() : 'not found\n');
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', (error) => {
    reject(new RubatoError(ErrorKind.config, 'cannot_listen', `cannot listen on ${address}: ${error.message}`, error));
  });
  server.listen(port, host, resolve);
  await promise;
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
