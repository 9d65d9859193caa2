import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { RubatoError } from '../base/errors.ts';
import { lockFolder } from './folder-lock.ts';

test('a folder is locked once, and again after its release', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'rubato-lock-'));
  try {
    const lock = await lockFolder(path.join(folder, 'data'));
    await assert.rejects(lockFolder(path.join(folder, 'data')), (error: unknown) => {
      return error instanceof RubatoError && error.kind === 'config' && /another process/.test(error.message);
    });
    const other = await lockFolder(path.join(folder, 'other'));
    await lock.release();
    const again = await lockFolder(path.join(folder, 'data'));
    await again.release();
    await other.release();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
