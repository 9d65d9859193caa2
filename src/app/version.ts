/** The version of this program, from package.json, and what it runs on. */
import { readFileSync } from 'node:fs';
import type { BuildInfo } from '../api/ports.ts';

const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

export const version = manifest.version;

export const buildInfo: BuildInfo = {
  version,
  revision: '',
  branch: '',
  buildUser: '',
  buildDate: '',
  runtimeVersion: `node ${process.version}`,
  platform: `${process.platform}/${process.arch}`,
};
