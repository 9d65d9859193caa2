/**
 * Builds the web UI into `ui/dist` when its sources changed: `node ui/build.ts [--force]`.
 *
 * The stamp is a hash over everything a build reads. The build goes to a folder beside and is renamed when it is whole,
 * so that two builds at a time, or a server that starts meanwhile, see an old or a new one. Files that compress get a
 * `.br` and a `.gz` beside them; the server sends those as they are.
 */
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const root = path.resolve(import.meta.dirname, '..');
const dist = path.join(root, 'ui', 'dist');
const stampFile = path.join(dist, '.stamp');

/** What a build reads; sources that never reach the bundle cost at most a build too many. */
const inputs = [
  'ui/index.html',
  'ui/build.ts',
  'ui/vite.config.ts',
  'ui/tsconfig.json',
  'ui/public/**',
  'ui/src/**',
  'src/base/**',
  'src/model/**',
  'src/traceql/**',
  'src/api/contract/**',
  'package-lock.json',
];
const compressible = /\.(?:js|css|html|svg|json)$/;
/** Shorter files are not worth a second one. */
const compressBytesMin = 512;

function sourceHash(): string {
  const hash = createHash('sha256');
  const files = globSync(inputs, { cwd: root, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.test.ts'))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();
  for (const file of files) hash.update(path.relative(root, file)).update('\0').update(readFileSync(file)).update('\0');
  return hash.digest('hex');
}

export async function buildUi(options: { readonly force?: boolean } = {}): Promise<'built' | 'fresh'> {
  const stamp = sourceHash();
  if (options.force !== true && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return 'fresh';
  const started = performance.now();
  const outDir = path.join(root, 'ui', `dist-${process.pid}.tmp`);
  try {
    mkdirSync(outDir, { recursive: true });
    // Half a second of loading, which a start without changes does not need.
    const { build } = await import('vite');
    await build({ configFile: path.join(root, 'ui', 'vite.config.ts'), logLevel: 'error', build: { outDir } });
    for (const file of globSync('**', { cwd: outDir })) compress(path.join(outDir, file));
    writeFileSync(path.join(outDir, '.stamp'), stamp);
    rmSync(dist, { recursive: true, force: true });
    renameSync(outDir, dist);
  } finally {
    rmSync(outDir, { recursive: true, force: true });
  }
  console.error(`rubato: built the web UI in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  return 'built';
}

function compress(file: string): void {
  if (!compressible.test(file)) return;
  const bytes = readFileSync(file);
  if (bytes.length < compressBytesMin) return;
  writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }));
  const params = { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  writeFileSync(`${file}.br`, brotliCompressSync(bytes, { params }));
}

if (import.meta.main) await buildUi({ force: process.argv.includes('--force') });
