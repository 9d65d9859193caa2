/**
 * A real S3 service for tests: one-node Ceph (monitor, OSD in memory, RADOS gateway), started by the script beside the
 * project. The script has a fixed port for the monitor; it gets a free one, so that several can run at once.
 */
import { execFile, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { freePort, temporaryFolder } from './server.ts';
import { missing, sharedPath } from './shared.ts';

const script = 'servers/ceph-rgw.sh';
const programs = ['radosgw', 'ceph-mon', 'ceph-osd', 'ceph-authtool'];

/** The reason to skip, or false. */
export function missingCeph(): string | false {
  const absent = programs.find((program) => spawnSync(program, ['--version']).error !== undefined);
  return absent === undefined ? missing(script) : `SKIPPED: there is no ${absent} on the PATH`;
}

export interface CephGateway {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** `127.0.0.1:PORT` */
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  createBucket(name: string): Promise<void>;
  stop(): Promise<void>;
}

const startWithinMs = 120_000;
const monitorPort = '40000';
const run = promisify(execFile);

export async function startCeph(): Promise<CephGateway> {
  const folder = temporaryFolder('ceph');
  const data = path.join(folder.path, 'data');
  const ownScript = path.join(folder.path, 'ceph-rgw.sh');
  const stop = async (): Promise<void> => {
    const pids = ['client.rgw', 'osd.0', 'mon.a'].flatMap((name) => pidIn(path.join(data, `${name}.pid`)));
    await run('bash', [ownScript, 'down', data]);
    await gone(pids);
    folder.remove();
  };
  try {
    const [port, freeMonitorPort] = await Promise.all([freePort(), freePort()]);
    const text = readFileSync(sharedPath(script), 'utf8');
    writeFileSync(ownScript, text.replaceAll(monitorPort, String(freeMonitorPort)));
    await run('bash', [ownScript, 'up', data, String(port)], { timeout: startWithinMs });
    const endpoint = `127.0.0.1:${port}`;
    const keys = { accessKey: 'testkey', secretKey: 'testsecret' };
    const client = new S3Client({
      endpoint: `http://${endpoint}`,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: { accessKeyId: keys.accessKey, secretAccessKey: keys.secretKey },
    });
    return {
      url: `http://${endpoint}`,
      endpoint,
      ...keys,
      createBucket: async (name) => void (await client.send(new CreateBucketCommand({ Bucket: name }))),
      stop: async () => {
        client.destroy();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function pidIn(file: string): number[] {
  try {
    const pid = Number(readFileSync(file, 'utf8'));
    return pid > 0 ? [pid] : [];
  } catch {
    return [];
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function gone(pids: readonly number[]): Promise<void> {
  for (const deadline = Date.now() + 15_000; pids.some(isAlive); ) {
    if (Date.now() > deadline) for (const pid of pids) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
