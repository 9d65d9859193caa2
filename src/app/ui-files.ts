/** Reads the built web UI (`ui/build.ts`) into memory: a few hundred kilobytes that never change while the server runs. */
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import type { UiFile, UiFiles } from '../api/http/ui.ts';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
};

const builtUi = path.resolve(import.meta.dirname, '../../ui/dist');

/** Empty when it was not built. `apiPrefix`: where the page finds the API, `http_api_prefix`. */
export function readUiFiles(apiPrefix: string, folder = builtUi): UiFiles {
  const names = new Set(globSync('**', { cwd: folder }));
  const files = new Map<string, UiFile>();
  for (const name of names) {
    const contentType = types[path.extname(name)];
    // Compressed copies belong to the file they stand beside.
    if (contentType === undefined) continue;
    const read = (suffix: string): Uint8Array => readFileSync(path.join(folder, name + suffix));
    files.set(`/${name.split(path.sep).join('/')}`, {
      contentType,
      immutable: name.startsWith('assets'),
      bytes: read(''),
      ...(names.has(`${name}.gz`) ? { gzip: read('.gz') } : {}),
      ...(names.has(`${name}.br`) ? { brotli: read('.br') } : {}),
    });
  }
  const index = files.get('/index.html');
  if (index !== undefined) files.set('/index.html', withPrefix(index, apiPrefix));
  return files;
}

function withPrefix(index: UiFile, apiPrefix: string): UiFile {
  const escaped = apiPrefix.replace(/\/+$/, '').replace(/[&"<>]/g, (character) => `&#${character.charCodeAt(0)};`);
  const html = Buffer.from(index.bytes)
    .toString()
    .replace('name="rubato-api-prefix" content=""', () => `name="rubato-api-prefix" content="${escaped}"`);
  const bytes = Buffer.from(html);
  return { ...index, bytes, gzip: gzipSync(bytes), brotli: brotliCompressSync(bytes) };
}
