/**
 * A proxy between the processes of a test and an HTTP service, which makes the service worse than it is: answers 503 before
 * or after it has done what was asked, late answers, connections that break before, in the middle of or behind an answer.
 * What goes wrong is decided per request by a seeded generator.
 */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Rng } from '../../src/base/random.ts';

/** Shares of all requests, 0 to 1. */
export interface ProxyFaults {
  readonly errorBefore: number;
  readonly errorAfter: number;
  readonly resetBefore: number;
  /** The service has done it, but its answer ends in the middle. */
  readonly tornAnswer: number;
  readonly late: number;
  /** A late request waits up to so long. */
  readonly lateMsMax: number;
}

export interface FaultProxy {
  /** `127.0.0.1:PORT` */
  readonly endpoint: string;
  readonly faultCount: () => number;
  close(): Promise<void>;
}

type Fate = 'errorBefore' | 'errorAfter' | 'resetBefore' | 'tornAnswer' | 'none';

export async function startFaultProxy(target: string, faults: ProxyFaults, rng: Rng): Promise<FaultProxy> {
  const [host, port] = target.split(':') as [string, string];
  const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
  let faultCount = 0;

  const fateOf = (): Fate => {
    let draw = rng.float();
    for (const fate of ['errorBefore', 'errorAfter', 'resetBefore', 'tornAnswer'] as const) {
      if (draw < faults[fate]) {
        faultCount++;
        return fate;
      }
      draw -= faults[fate];
    }
    return 'none';
  };

  const server = http.createServer((request, response) => {
    const fate = fateOf();
    const lateMs = rng.float() < faults.late ? rng.float() * faults.lateMsMax : 0;
    const refuse = (): void => {
      response.writeHead(503, { 'content-type': 'text/plain' });
      response.end('injected');
    };
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => response.destroy());
    request.on('end', () => {
      setTimeout(() => {
        if (fate === 'errorBefore') return refuse();
        if (fate === 'resetBefore') return void request.socket.destroy();
        const { method, url, headers } = request;
        const onward = http.request({ host, port, method, path: url, headers, agent }, (answer) => {
          if (fate === 'errorAfter') {
            answer.resume();
            return refuse();
          }
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          if (fate !== 'tornAnswer') return void answer.pipe(response);
          answer.once('data', (chunk: Buffer) => {
            response.write(chunk.subarray(0, chunk.length >> 1));
            setImmediate(() => request.socket.destroy());
          });
          answer.once('end', () => request.socket.destroy());
        });
        onward.on('error', () => request.socket.destroy());
        onward.end(Buffer.concat(chunks));
      }, lateMs);
    });
  });
  server.keepAliveTimeout = 30_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    faultCount: () => faultCount,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      agent.destroy();
      await closed;
    },
  };
}
