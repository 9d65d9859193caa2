import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { baseMs, conformanceMissing, generatedFragment } from '../conformance/in-process.ts';
import { startTestApi } from './api-server.ts';

const corpus = path.resolve(import.meta.dirname, '../../../shared/conformance');

test('the recorded answers of Tempo hold over HTTP', { skip: conformanceMissing }, async () => {
  const api = await startTestApi({
    fragment: await generatedFragment('conformance', 42, 400, 120),
    limits: { spansPerSpanSetMax: 0, searchDurationMaxMs: 0 },
  });
  try {
    const { status, output } = await run(
      [path.join(corpus, 'run.mjs'), '--http', api.url, '--no-load', '--base-ms', String(baseMs)].concat(
        ['--corpus', path.join(corpus, 'corpus.json'), '--expected', path.join(corpus, 'expected.json')],
        ['--ids', path.join(corpus, 'open.json')],
      ),
    );
    assert.equal(status, 0, output);
    assert.match(output, /^[1-9]\d* passed, 0 failed$/m);
  } finally {
    await api.close();
  }
});

function run(args: readonly string[]): Promise<{ status: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args);
    let output = '';
    child.stdout.on('data', (text) => (output += text));
    child.stderr.on('data', (text) => (output += text));
    child.on('close', (status) => resolve({ status, output }));
  });
}
