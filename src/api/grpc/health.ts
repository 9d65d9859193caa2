/** grpc.health.v1: serving as soon as the HTTP API says that it is ready. */
import { Code, ConnectError, type ServiceImpl } from '@connectrpc/connect';
import type { Clock } from '../../base/clock.ts';
import {
  type Health,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from '../generated/grpc/health/v1/health_pb.ts';
import type { StatusSource } from '../ports.ts';

/** How soon a watcher learns of a change. */
const watchIntervalMs = 1000;

export interface HealthOptions {
  readonly status: Pick<StatusSource, 'readiness'>;
  readonly clock: Clock;
  /** Full names of the services whose health can be asked for; the empty name is the server. */
  readonly services: ReadonlySet<string>;
  /** Ends what watches. */
  readonly shutdown: AbortSignal;
}

export function healthService(options: HealthOptions): ServiceImpl<typeof Health> {
  const { status, clock, services, shutdown } = options;
  const isKnown = (service: string): boolean => service === '' || services.has(service);
  const current = (): ServingStatus => (status.readiness().ready ? ServingStatus.SERVING : ServingStatus.NOT_SERVING);
  return {
    check({ service }) {
      if (!isKnown(service)) throw new ConnectError('unknown service', Code.NotFound);
      return { status: current() };
    },
    async *watch({ service }, context) {
      const signal = AbortSignal.any([context.signal, shutdown]);
      let told: ServingStatus | undefined;
      while (!signal.aborted) {
        const now = isKnown(service) ? current() : ServingStatus.SERVICE_UNKNOWN;
        if (now !== told) yield { status: now };
        told = now;
        await clock.sleep(watchIntervalMs, signal).catch(() => undefined);
      }
      throw new ConnectError('the server is shutting down', Code.Unavailable);
    },
  };
}
