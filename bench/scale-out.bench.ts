/**
 * What a second process of a role brings on this machine, and what a span and a query cost each role in processor time.
 * Writers and readers run over one folder; senders and askers are in this process, which takes its share of the
 * machine too. So on two cores rates cannot double; processor time a span is what counts for larger installations.
 */
import path from 'node:path';
import { makeRequest, startRole } from '../test/support/cluster.ts';
import { postSpans, request, type TestServer, temporaryFolder } from '../test/support/server.ts';
import { type Bench, type Figure, runIfMain } from './measure.ts';
import { cpuMs, memoryMb } from './processes.ts';

const tracesPerRequest = 200;
const spansPerRequest = tracesPerRequest * 5;
const sendersPerWriter = 3;
const askersPerReader = 2;

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

async function run(writerCount: number, readerCount: number, seconds: number): Promise<Figure[]> {
  const folder = temporaryFolder('scale-out');
  const options = { folder: folder.path, storage: { local: { path: path.join(folder.path, 'store') } } };
  const writers: TestServer[] = [];
  const readers: TestServer[] = [];
  for (let i = 0; i < writerCount; i++) writers.push(await startRole('write', options));
  for (let i = 0; i < readerCount; i++) readers.push(await startRole('read', options));
  const bodies = Array.from({ length: 40 }, () => makeRequest(tracesPerRequest, Date.now()));
  const cpu = (servers: readonly TestServer[]): number => sum(servers.map(({ pid }) => cpuMs(pid)));

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

  const where = `${writerCount} write, ${readerCount} read`;
  const micros = (name: string, ms: number, count: number, unit: string): Figure => ({
    name: `${where}: ${name}`,
    value: (ms * 1000) / Math.max(1, count),
    unit: `µs/${unit}`,
  });
  const memory = (servers: readonly TestServer[]): number => Math.max(...servers.map(({ pid }) => memoryMb(pid).peak));
  const figures = [
    { name: `${where}: acknowledged`, value: (spans * 1000) / sendMs, unit: 'spans/s' },
    micros('CPU of writers', ingest[0], spans, 'span'),
    micros('CPU of each reader while spans come', ingest[1] / readerCount, spans, 'span'),
    { name: `${where}: traces by id`, value: (answers * 1000) / askMs, unit: 'traces/s' },
    micros('CPU of readers', askCpu, answers, 'trace'),
    { name: `${where}: peak of a writer`, value: memory(writers), unit: 'MB' },
    { name: `${where}: peak of a reader`, value: memory(readers), unit: 'MB' },
  ];
  for (const server of [...writers, ...readers]) await server.kill();
  folder.remove();
  return figures;
}

export const bench: Bench = async (size) => {
  const seconds = size === 'quick' ? 1 : 10;
  const figures: Figure[] = [];
  for (const [writers, readers] of [
    [1, 1],
    [2, 1],
    [1, 2],
  ] as const)
    figures.push(...(await run(writers, readers, seconds)));
  return { figures };
};

await runIfMain(import.meta, bench);
