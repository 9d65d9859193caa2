/** Azure Blob Storage for tests: the emulator from npm, in a process and a temporary folder of its own. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob';
import { freePort, temporaryFolder } from './server.ts';

const program = path.resolve(import.meta.dirname, '../../node_modules/azurite/dist/src/blob/main.js');
const startWithinMs = 30_000;

export interface Azurite {
  /** `127.0.0.1:PORT` */
  readonly endpoint: string;
  readonly account: string;
  readonly accountKey: string;
  createContainer(name: string): Promise<void>;
  stop(): Promise<void>;
}

export async function startAzurite(): Promise<Azurite> {
  const folder = temporaryFolder('azurite');
  const port = await freePort();
  const account = 'rubato';
  const accountKey = Buffer.from('a key for tests, nothing secret about it').toString('base64');
  const args = ['--blobHost', '127.0.0.1', '--blobPort', String(port), '--location', folder.path];
  const child = spawn(process.execPath, [program, ...args, '--silent', '--disableTelemetry', '--skipApiVersionCheck'], {
    stdio: 'ignore',
    env: { ...process.env, AZURITE_ACCOUNTS: `${account}:${accountKey}` },
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const endpoint = `127.0.0.1:${port}`;
  for (const deadline = Date.now() + startWithinMs; ; ) {
    if (
      await fetch(`http://${endpoint}/`).then(
        () => true,
        () => false,
      )
    )
      break;
    if (Date.now() > deadline || child.exitCode !== null) {
      child.kill('SIGKILL');
      folder.remove();
      throw new Error('azurite did not start');
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const service = new BlobServiceClient(
    `http://${endpoint}/${account}`,
    new StorageSharedKeyCredential(account, accountKey),
  );
  return {
    endpoint,
    account,
    accountKey,
    createContainer: async (name) => void (await service.createContainer(name)),
    stop: async () => {
      child.kill('SIGKILL');
      await ended;
      folder.remove();
    },
  };
}
