/**
 * What a second process of a role brings on this machine, and what a span and a query cost each role in processor time:
 *
 *   node bench/scale-out.ts [seconds]
 *
 * Writers and readers run over one folder; senders and askers are in this process, which takes its share of the
 * machine too. So on two cores rates cannot double; processor time a span is what counts for larger installations.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { makeRequest, startRole } from '../test/support/cluster.ts';
import { postSpans, request, type TestServer, temporaryFolder } from '../test/support/server.ts';

const seconds = Number(process.argv[2] ?? 10);
const tracesPerRequest = 200;
const spansPerRequest = tracesPerRequest * 5;
const sendersPerWriter = 3;
const askersPerReader = 2;
/** Clock ticks a second, as Linux has it everywhere. */
const ticks = 100;

const cpuMs = ({ pid }: TestServer): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticks;
};
const rssMb = ({ pid }: TestServer): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

async function run(writerCount: number, readerCount: number): Promise<void> {
  const folder = temporaryFolder('scale-out');
  const options = { folder: folder.path, storage: { local: { path: path.join(folder.path, 'store') } } };
  const writers: TestServer[] = [];
  const readers: TestServer[] = [];
  for (let i = 0; i < writerCount; i++) writers.push(await startRole('write', options));
  for (let i = 0; i < readerCount; i++) readers.push(await startRole('read', options));
  const bodies = Array.from({ length: 40 }, () => makeRequest(tracesPerRequest, Date.now()));
  const cpu = (servers: readonly TestServer[]): number => sum(servers.map(cpuMs));

  // Queries first, while every trace has been sent once.
  for (const [i, { body }] of bodies.entries()) await postSpans(writers[i % writers.length]!.otlpHttp, body);
  let answers = 0;
  const ask = async (reader: TestServer): Promise<void> => {
    for (let i = 0; performance.now() < endMs; i++) {
      const { traceIds } = bodies[i % bodies.length]!;
      if ((await request(`${reader.http}/api/v2/traces/${traceIds[i % tracesPerRequest]}`)).status === 200) answers++;
    }
  };
  const askCpuBefore = cpu(readers);
  let startedMs = performance.now();
  let endMs = startedMs + seconds * 500;
  await Promise.all(readers.flatMap((reader) => Array.from({ length: askersPerReader }, () => ask(reader))));
  const askMs = performance.now() - startedMs;
  const askCpu = cpu(readers) - askCpuBefore;

  let spans = 0;
  const before = [cpu(writers), cpu(readers)] as const;
  startedMs = performance.now();
  endMs = startedMs + seconds * 1000;
  const send = async (writer: TestServer): Promise<void> => {
    for (let i = 0; performance.now() < endMs; i++)
      if ((await postSpans(writer.otlpHttp, bodies[i % bodies.length]!.body)) === 200) spans += spansPerRequest;
  };
  await Promise.all(writers.flatMap((writer) => Array.from({ length: sendersPerWriter }, () => send(writer))));
  const sendMs = performance.now() - startedMs;
  // Blocks of what was sent, and mirrors of it, are part of its cost.
  await new Promise((resolve) => setTimeout(resolve, 2000));
  const ingest = [cpu(writers) - before[0], cpu(readers) - before[1]] as const;

  const us = (ms: number, count: number): string => ((ms * 1000) / Math.max(1, count)).toFixed(1);
  console.log(
    `${writerCount} write, ${readerCount} read: ${Math.round((spans * 1000) / sendMs)} spans/s; ` +
      `µs a span: write ${us(ingest[0], spans)}, each reader ${us(ingest[1] / readerCount, spans)}; ` +
      `${Math.round((answers * 1000) / askMs)} traces by id a second, ${us(askCpu, answers)} µs each; ` +
      `MB: write ${writers.map((w) => Math.round(rssMb(w)))}, read ${readers.map((r) => Math.round(rssMb(r)))}`,
  );
  for (const server of [...writers, ...readers]) await server.kill();
  folder.remove();
}

for (const [writers, readers] of [
  [1, 1],
  [2, 1],
  [1, 2],
] as const)
  await run(writers, readers);
