/** A real Prometheus as a child process, which takes remote write. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { freePort, getJson } from '../support/server.ts';

export const withoutPrometheus: string | false =
  spawnSync('prometheus', ['--version']).status === 0 ? false : 'SKIPPED: there is no prometheus on the PATH';

export interface Prometheus {
  readonly url: string;
  /** SIGKILL. */
  kill(): Promise<void>;
}

export interface PrometheusSeries {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: readonly [number, string];
  readonly histogram?: readonly [
    number,
    {
      readonly count: string;
      readonly sum: string;
      readonly buckets: readonly (readonly [number, string, string, string])[];
    },
  ];
}

export async function startPrometheus(folder: string, port?: number): Promise<Prometheus & { readonly port: number }> {
  const listenOn = port ?? (await freePort());
  mkdirSync(folder, { recursive: true });
  const config = path.join(folder, 'prometheus.yml');
  writeFileSync(config, 'global: {scrape_interval: 1h}\n');
  const child: ChildProcess = spawn(
    'prometheus',
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${path.join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${listenOn}`,
      '--web.enable-remote-write-receiver',
      '--enable-feature=exemplar-storage,native-histograms',
      '--log.level=warn',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let log = '';
  child.stderr!.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-20_000);
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const url = `http://127.0.0.1:${listenOn}`;
  for (let tries = 0; tries < 200; tries++) {
    if (child.exitCode !== null) throw new Error(`prometheus ended: ${log}`);
    const isReady = await fetch(`${url}/-/ready`).then(
      (answer) => answer.status === 200,
      () => false,
    );
    if (isReady) {
      return {
        url,
        port: listenOn,
        kill: async () => {
          child.kill('SIGKILL');
          await ended;
        },
      };
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  child.kill('SIGKILL');
  throw new Error(`prometheus was not ready: ${log}`);
}

/** Instant query. */
export async function promQuery(url: string, query: string): Promise<readonly PrometheusSeries[]> {
  const answer = await getJson<{ data: { result: readonly PrometheusSeries[] } }>(
    `${url}/api/v1/query?query=${encodeURIComponent(query)}`,
  );
  return answer.data.result;
}

export interface PrometheusExemplars {
  readonly seriesLabels: Readonly<Record<string, string>>;
  readonly exemplars: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: string }[];
}

export async function promExemplars(
  url: string,
  query: string,
  fromMs: number,
): Promise<readonly PrometheusExemplars[]> {
  const range = `start=${fromMs / 1000}&end=${(Date.now() + 60_000) / 1000}`;
  const answer = await getJson<{ data: readonly PrometheusExemplars[] }>(
    `${url}/api/v1/query_exemplars?query=${encodeURIComponent(query)}&${range}`,
  );
  return answer.data;
}
