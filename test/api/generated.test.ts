import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../support/server.ts';

test('the generated code is what the .proto files say', (context) => {
  const root = path.resolve(import.meta.dirname, '../..');
  const made = temporaryFolder('generated');
  context.after(made.remove);
  execFileSync(path.join(root, 'node_modules/.bin/buf'), ['generate', '--output', made.path], { cwd: root });
  const folder = 'src/api/generated';
  const files = (base: string) => globSync('**/*.ts', { cwd: path.join(base, folder) }).sort();
  assert.ok(files(made.path).length > 0);
  assert.deepEqual(files(root), files(made.path));
  for (const file of files(root)) {
    const [ours, theirs] = [root, made.path].map((base) => readFileSync(path.join(base, folder, file), 'utf8'));
    assert.ok(ours === theirs, `${file} differs: run "npm run generate"`);
  }
});
