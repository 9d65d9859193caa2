import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { RubatoError } from '../base/errors.ts';
import { lockFolder } from './folder-lock.ts';

const isLocked = (error: unknown): boolean =>
  error instanceof RubatoError && error.kind === 'config' && error.code === 'folder_locked';

test('a folder is had alone by one, shared by many, and free after its release', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'rubato-lock-'));
  const data = path.join(folder, 'data');
  try {
    const lock = await lockFolder(data, 'alone');
    await assert.rejects(lockFolder(data, 'alone'), isLocked);
    await assert.rejects(lockFolder(data, 'shared'), isLocked);
    const other = await lockFolder(path.join(folder, 'other'), 'alone');
    await lock.release();
    const shared = [await lockFolder(data, 'shared'), await lockFolder(data, 'shared')];
    await assert.rejects(lockFolder(data, 'alone'), isLocked);
    for (const each of shared) await each.release();
    const again = await lockFolder(data, 'alone');
    await again.release();
    await other.release();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
