import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { systemClock } from '../base/clock.ts';
import { systemRng } from '../base/random.ts';
import { describeObjectStore } from './conformance.ts';
import { LocalObjectStore } from './local.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'rubato-local-'));
after(() => rmSync(scratch, { recursive: true }));
let storeCount = 0;

describeObjectStore('local', () =>
  LocalObjectStore.open({ root: path.join(scratch, String(storeCount++)), clock: systemClock, rng: systemRng }),
);
