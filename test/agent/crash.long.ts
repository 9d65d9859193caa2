/** kill -9 while spans come in: whatever was answered reaches the server, whichever way it was taking. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { plainSpan } from '../../src/model/plain-span.ts';
import { plainSpansToOtlp } from '../../src/protocol/otlp/encode-plain.ts';
import { OtlpSink } from '../support/otlp-sink.ts';
import { freePort, postSpans, temporaryFolder } from '../support/server.ts';

const main = path.resolve(import.meta.dirname, '../../src/cli/main.ts');
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test('kill -9 in the middle, with the server there, slow, and away: no answered span is lost', async (t) => {
  const folder = temporaryFolder('agent-crash');
  const sink = new OtlpSink();
  const port = await freePort();
  const file = path.join(folder.path, 'agent.yaml');
  const config = {
    server: { http_listen_port: 0, log_level: 'error' },
    receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
    remote: { url: await sink.listen() },
    spool: { path: path.join(folder.path, 'spool') },
  };
  writeFileSync(file, stringify(config));
  let child: ChildProcess | undefined;
  const answered: string[] = [];
  let isOver = false;
  t.after(async () => {
    isOver = true;
    child?.kill('SIGKILL');
    await sink.close();
    folder.remove();
  });
  const start = async (): Promise<void> => {
    const started = spawn(process.execPath, [main, 'agent', `-config.file=${file}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    child = started;
    let output = '';
    await new Promise<void>((resolve, reject) => {
      started.stdout.on('data', (chunk: Buffer) => {
        if ((output += chunk.toString()).includes('/v1/traces')) resolve();
      });
      started.once('exit', (code) => reject(new Error(`the agent ended with ${code}`)));
    });
  };

  const url = `http://127.0.0.1:${port}/v1/traces`;
  /** As an exporter: one request at a time, none is given up before it is answered. */
  const send = async (sender: number): Promise<void> => {
    for (let n = 0; !isOver; n++) {
      const name = `${sender}-${n}`;
      const span = plainSpan({ traceId: '1'.repeat(32), spanId: '2'.repeat(16), name });
      const status = await postSpans(url, plainSpansToOtlp([span])).catch(() => 0);
      if (status === 200) answered.push(name);
      else await pause(20);
    }
  };
  await start();
  const senders = Array.from({ length: 8 }, (_, n) => send(n));
  for (const status of [undefined, 503, undefined]) {
    sink.answerOf = () => status;
    sink.delayMs = status === undefined ? 20 : 0;
    const before = answered.length;
    while (answered.length < before + 40) await pause(10);
    child!.kill('SIGKILL');
    await once(child!, 'exit');
    await start();
  }
  isOver = true;
  sink.answerOf = () => undefined;
  sink.delayMs = 0;
  await Promise.all(senders);
  const missing = (): string[] => {
    const arrived = new Set(sink.spans().map(({ name }) => name));
    return answered.filter((name) => !arrived.has(name));
  };
  for (let i = 0; i < 200 && missing().length > 0; i++) await pause(50);
  assert.deepEqual(missing(), []);
  t.diagnostic(`${answered.length} answered`);
});
