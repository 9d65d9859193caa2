/**
 * A real S3 service for tests: one-node Ceph (monitor, OSD in memory, RADOS gateway), started by the script beside the
 * project. Only the gateway's port is free to choose, so a folder in the temporary directory is the lock: whoever comes
 * second waits.
 */
import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
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

const lockWaitMs = 240_000;
const run = promisify(execFile);

export async function startCeph(): Promise<CephGateway> {
  const unlock = await lock();
  const folder = temporaryFolder('ceph');
  const stop = async (): Promise<void> => {
    const pids = ['client.rgw', 'osd.0', 'mon.a'].flatMap((name) => pidIn(path.join(folder.path, `${name}.pid`)));
    await run('bash', [sharedPath(script), 'down', folder.path]);
    await gone(pids);
    folder.remove();
    unlock();
  };
  try {
    const port = await freePort();
    await run('bash', [sharedPath(script), 'up', folder.path, String(port)], { timeout: 120_000 });
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

async function lock(): Promise<() => void> {
  const folder = path.join(tmpdir(), 'rubato-test-ceph.lock');
  const owner = path.join(folder, 'pid');
  for (const deadline = Date.now() + lockWaitMs; ; ) {
    try {
      mkdirSync(folder);
      writeFileSync(owner, String(process.pid));
      return () => rmSync(folder, { recursive: true, force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = pidIn(owner);
    if (holder.length > 0 && !isAlive(holder[0]!)) rmSync(folder, { recursive: true, force: true });
    else if (Date.now() > deadline) throw new Error(`${folder} is held by process ${holder} for too long`);
    await new Promise((resolve) => setTimeout(resolve, 250));
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
