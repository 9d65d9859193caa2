/** Starts the real server as a child process on free loopback ports, for tests across process borders. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { stringify } from 'yaml';

const main = path.resolve(import.meta.dirname, '../../src/cli/main.ts');

export interface TestServer {
  readonly http: string;
  /** `host:port` of the query API's own gRPC port. */
  readonly grpc: string;
  readonly otlpHttp: string;
  readonly otlpGrpc: string;
  readonly pid: number;
  /** What it wrote to standard error so far. */
  readonly log: () => string;
  /** Resolves with the exit code when the process is gone, for whatever reason. */
  readonly ended: Promise<number | null>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
}

export interface TestServerOptions {
  /** Kept by the caller over restarts. */
  readonly dataFolder: string;
  /** Merged over what makes the test's ports and folder. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Receivers beside OTLP's. */
  readonly receivers?: Readonly<Record<string, unknown>>;
  readonly forwarders?: readonly unknown[];
  /** More keys of these blocks. */
  readonly distributor?: Readonly<Record<string, unknown>>;
  readonly server?: Readonly<Record<string, unknown>>;
  readonly args?: readonly string[];
  /** Flags of Node itself. */
  readonly nodeFlags?: readonly string[];
  /** What goes before the command, and a question whether the server is ready: for another network namespace. */
  readonly runIn?: { readonly command: readonly string[]; readonly isReady: (url: string) => Promise<boolean> };
}

export function temporaryFolder(name: string): { path: string; remove: () => void } {
  const folder = mkdtempSync(path.join(tmpdir(), `rubato-${name}-`));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  return {
    path: folder,
    remove: () => {
      try {
        remove();
      } catch {
        // Somebody still writes into it. What else a test has to clean up must not be left undone for that.
        process.once('exit', remove);
      }
    },
  };
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** Resolves when the server says it is ready. */
export async function startTestServer(options: TestServerOptions): Promise<TestServer> {
  const [httpPort, queryGrpcPort, grpcPort, otlpHttpPort] = await Promise.all(Array.from({ length: 4 }, freePort));
  const config = {
    server: { warm_up: false, http_listen_port: httpPort, grpc_listen_port: queryGrpcPort, ...options.server },
    distributor: {
      receivers: {
        otlp: {
          protocols: { grpc: { endpoint: `127.0.0.1:${grpcPort}` }, http: { endpoint: `127.0.0.1:${otlpHttpPort}` } },
        },
        ...options.receivers,
      },
      forwarders: options.forwarders ?? [],
      ...options.distributor,
    },
    storage: { trace: { local: { path: path.join(options.dataFolder, 'data') } } },
    overrides: { defaults: { ingestion: { rate_limit_bytes: 0 } } },
    ...options.config,
  };
  const file = path.join(options.dataFolder, 'config.yaml');
  writeFileSync(file, stringify(config));
  const [program, ...args] = [
    ...(options.runIn?.command ?? []),
    process.execPath,
    ...(options.nodeFlags ?? []),
    ...[main, `-config.file=${file}`],
    ...(options.args ?? []),
  ];
  const child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  const keep = (chunk: Buffer): void => {
    log = (log + chunk.toString()).slice(-100_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const base = `http://127.0.0.1:${httpPort}`;
  await untilReady(child, base, () => log, options.runIn?.isReady);
  return {
    http: base,
    grpc: `127.0.0.1:${queryGrpcPort}`,
    otlpHttp: `http://127.0.0.1:${otlpHttpPort}/v1/traces`,
    otlpGrpc: `http://127.0.0.1:${grpcPort}`,
    pid: child.pid!,
    log: () => log,
    ended,
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
    stop: async () => {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

const readyWithinMs = 90_000;

async function untilReady(
  child: ChildProcess,
  base: string,
  log: () => string,
  isReady: (url: string) => Promise<boolean> = saysReady,
): Promise<void> {
  for (const deadline = Date.now() + readyWithinMs; Date.now() < deadline; ) {
    if (child.exitCode !== null) throw new Error(`the server ended with code ${child.exitCode}:\n${log()}`);
    if (await isReady(`${base}/ready`)) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  child.kill('SIGKILL');
  throw new Error(`the server was not ready within ${readyWithinMs} ms:\n${log()}`);
}

const saysReady = (url: string): Promise<boolean> =>
  request(url).then(
    ({ status }) => status === 200,
    () => false,
  );

const agent = new http.Agent({ keepAlive: true, maxSockets: 32 });

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

export function request(
  url: string,
  options: { method?: string; headers?: Record<string, string>; body?: Uint8Array } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = http.request(
      url,
      { method: options.method ?? 'GET', agent, headers: options.headers ?? {} },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () => {
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) });
        });
        answer.on('error', reject);
      },
    );
    call.on('error', reject);
    call.end(options.body);
  });
}

/** JSON of a GET that must succeed. */
export async function getJson<Shape>(url: string): Promise<Shape> {
  const answer = await request(url);
  if (answer.status !== 200)
    throw new Error(`GET ${url}: status ${answer.status}: ${answer.body.toString().slice(0, 500)}`);
  return JSON.parse(answer.body.toString()) as Shape;
}

/** Posts OTLP protobuf; resolves with the status, rejects when the connection broke. */
export async function postSpans(url: string, body: Uint8Array): Promise<number> {
  const headers = { 'content-type': 'application/x-protobuf', 'content-length': String(body.length) };
  return (await request(url, { method: 'POST', headers, body })).status;
}
