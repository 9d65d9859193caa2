/**
 * Imports go one way. A folder of src/ may import itself and the folders named behind it here, nothing else; some names
 * of Node are kept to the folders that own them. Fails on an unknown folder, on a cycle of files' folders by
 * construction, and when it saw no files.
 */
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';

const allowed: Record<string, readonly string[]> = {
  base: [],
  fs: ['base'],
  model: ['base'],
  parquet: ['base'],
  objectstore: ['base', 'fs'],
  protocol: ['base', 'model'],
  traceql: ['base', 'model'],
  wal: ['base', 'objectstore'],
  block: ['base', 'model', 'parquet', 'objectstore', 'traceql'],
  query: ['base', 'model', 'traceql'],
  auth: ['base'],
  generator: ['base', 'model'],
  roles: [
    'base',
    'auth',
    'fs',
    'model',
    'parquet',
    'objectstore',
    'protocol',
    'traceql',
    'wal',
    'block',
    'query',
    'generator',
  ],
  agent: ['base', 'auth', 'fs', 'model', 'objectstore', 'protocol', 'wal', 'roles'],
  api: ['base', 'auth', 'model', 'traceql', 'protocol'],
  app: [
    'base',
    'auth',
    'fs',
    'model',
    'parquet',
    'objectstore',
    'protocol',
    'traceql',
    'wal',
    'block',
    'query',
    'generator',
    'roles',
    'agent',
    'api',
  ],
  cli: ['base', 'auth', 'fs', 'model', 'objectstore', 'protocol', 'traceql', 'wal', 'block', 'query', 'api', 'app'],
};

/** Loaded by browsers too: no Node modules at all. Tests and benchmarks beside them may use what they like. */
const browserSafe = new Set(['base', 'traceql']);

const fileOwners: Record<string, readonly string[]> = {
  'node:fs': ['fs', 'objectstore', 'app', 'cli'],
  'node:fs/promises': ['fs', 'objectstore', 'app', 'cli'],
};

const root = path.resolve(import.meta.dirname, '..');
const problems: string[] = [];
const files = globSync('src/**/*.ts', { cwd: root }).sort();

for (const file of files) {
  const folder = file.split(path.sep)[1]!;
  const isTest = /\.(test|bench)\.ts$/.test(file);
  const rule = allowed[folder];
  if (rule === undefined) {
    problems.push(`${file}: folder src/${folder} has no rule in scripts/check-imports.ts`);
    continue;
  }
  const text = readFileSync(path.join(root, file), 'utf8');
  for (const match of text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)) {
    const target = match[1]!;
    if (isTest) continue;
    if (target.startsWith('.')) {
      const to = path.relative(root, path.resolve(root, path.dirname(file), target)).split(path.sep);
      if (to[0] !== 'src') problems.push(`${file}: imports ${target} outside src/`);
      else if (to[1] !== folder && !rule.includes(to[1]!))
        problems.push(`${file}: src/${folder} must not import src/${to[1]}`);
    } else if (target.startsWith('node:')) {
      if (browserSafe.has(folder))
        problems.push(`${file}: src/${folder} is loaded by browsers and must not import ${target}`);
      const owners = fileOwners[target];
      if (owners !== undefined && !owners.includes(folder))
        problems.push(`${file}: only ${owners.join(', ')} may import ${target}`);
    }
  }
}

/**
 * The web UI is bundled for browsers: of src/ it takes what is browser-safe, and its pages take nothing of each other, so
 * that each stays a chunk of its own. `api/contract` holds types only; its own rule is that of src/api.
 */
const uiMayImport = ['src/base/', 'src/traceql/', 'src/api/contract/'];
const uiPages = new Set(['search', 'trace', 'explore', 'services', 'status', 'setup']);
const uiFiles = globSync('ui/src/**/*.{ts,tsx}', { cwd: root }).sort();

for (const file of uiFiles) {
  if (/\.test\.tsx?$/.test(file)) continue;
  const folder = file.split(path.sep)[2]!;
  const text = readFileSync(path.join(root, file), 'utf8');
  for (const match of text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)) {
    const target = match[1]!;
    if (target.startsWith('node:')) problems.push(`${file}: browsers have no ${target}`);
    if (!target.startsWith('.')) continue;
    const to = path
      .relative(root, path.resolve(root, path.dirname(file), target))
      .split(path.sep)
      .join('/');
    const page = /^ui\/src\/([^/]+)\//.exec(to)?.[1];
    if (page === undefined) {
      if (!to.startsWith('ui/src/') && !uiMayImport.some((allowedPath) => to.startsWith(allowedPath)))
        problems.push(`${file}: the web UI must not import ${to}`);
    } else if (page !== folder && folder !== 'app' && uiPages.has(page))
      problems.push(`${file}: ui/src/${folder} must not import the page ${page}`);
  }
}

if (files.length === 0) problems.push('no files found under src/');
if (uiFiles.length === 0) problems.push('no files found under ui/src/');
for (const problem of problems) console.error(problem);
console.log(`check-imports: ${files.length + uiFiles.length} files, ${problems.length} problems`);
process.exit(problems.length > 0 ? 1 : 0);
