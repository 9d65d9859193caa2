/** The query API over HTTP and gRPC on one free port, over the real engine and fixed data. */
import { createGrpcApi } from '../../src/api/grpc/grpc-api.ts';
import { createApi, defaultApiOptions } from '../../src/api/http/api.ts';
import type { ApiPorts } from '../../src/api/ports.ts';
import { Listener } from '../../src/app/listener.ts';
import { type TestApiOptions, testPorts } from './api-server.ts';
import { type GrpcClient, grpcClient } from './grpc-client.ts';

export interface GrpcTestApi {
  readonly ports: ApiPorts;
  readonly errors: unknown[];
  readonly url: string;
  client(service: string): GrpcClient;
  close(): Promise<void>;
}

export async function startGrpcTestApi(given: TestApiOptions = {}): Promise<GrpcTestApi> {
  const errors: unknown[] = [];
  const ports = testPorts(given, errors);
  const options = { ...defaultApiOptions, ...given.options };
  const shutdown = new AbortController();
  const api = createApi(ports, options);
  const grpc = createGrpcApi(ports, options, shutdown.signal);
  const listener = new Listener({ http: api.handle, grpc: grpc.handle });
  const address = `127.0.0.1:${await listener.listen(0, '127.0.0.1')}`;
  const clients: GrpcClient[] = [];
  return {
    ports,
    errors,
    url: `http://${address}`,
    client(service) {
      const client = grpcClient(service, address);
      clients.push(client);
      return client;
    },
    async close() {
      for (const client of clients) client.close();
      shutdown.abort();
      await listener.close(1000);
    },
  };
}
