/** A server as `npm run up` starts it, without a limit on ingest, and on free ports. */
import { setTimeout } from 'node:timers/promises';
import { startTestServer, type TestServer } from '../test/support/server.ts';
import { cpuMs } from './processes.ts';

/** As in scripts/run.mjs. */
const nodeFlags = ['--max-semi-space-size=4'];

export interface StartedServer {
  readonly server: TestServer;
  /** From the start of the process until it is ready; it is asked every 25 ms. */
  readonly readyMs: number;
  readonly readyCpuMs: number;
}

export async function startServer(dataFolder: string, config: Record<string, unknown> = {}): Promise<StartedServer> {
  const before = performance.now();
  const server = await startTestServer({ dataFolder, config, nodeFlags, server: { warm_up: true } });
  return { server, readyMs: performance.now() - before, readyCpuMs: cpuMs(server.pid) };
}

/** Waits until it has compiled what it compiles after a start: it then uses no processor to speak of. */
export async function untilIdle({ pid }: TestServer): Promise<void> {
  for (let waits = 0; waits < 40; waits++) {
    const before = cpuMs(pid);
    await setTimeout(500);
    if (cpuMs(pid) - before <= 30) return;
  }
}
