/** Exchanges with Tempo as they were recorded (`../shared/conformance/http`); bodies are pretty-printed and may be cut. */
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { missing, sharedPath } from '../support/shared.ts';

const folder = sharedPath('conformance/http');
export const skip = missing('conformance/http');

export interface Exchange {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly requestHeaders: Record<string, string>;
  readonly requestBody: string;
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

export function readExchange(file: string): Exchange {
  const lines = readFileSync(path.join(folder, file), 'utf8').split('\n');
  while (lines[0]!.startsWith('#')) lines.shift();
  const split = lines.indexOf('--- response');
  const [requestLine, ...request] = lines.slice(0, split);
  const [method, target] = requestLine!.split(' ');
  const response = lines.slice(split + 2);
  return {
    name: file.replace('.txt', ''),
    method: method!,
    path: target!,
    requestHeaders: headersOf(request),
    requestBody: bodyOf(request),
    status: Number(lines[split + 1]!.replace('HTTP ', '')),
    headers: headersOf(response),
    body: bodyOf(response),
  };
}

function headersOf(lines: readonly string[]): Record<string, string> {
  const end = lines.indexOf('');
  return Object.fromEntries(lines.slice(0, end === -1 ? undefined : end).map((line) => line.split(/: (.*)/s, 2)));
}

function bodyOf(lines: readonly string[]): string {
  const start = lines.indexOf('');
  return start === -1 ? '' : lines.slice(start + 1).join('\n');
}

/** `path type` of everything in pretty-printed JSON that may end early; array items count as one. */
export function shapeOf(pretty: string): Set<string> {
  const shape = new Set<string>();
  const open: string[] = [];
  for (const line of pretty.split('\n')) {
    const match = /^ *(?:("(?:[^"\\]|\\.)*"): )?(.*?),?$/.exec(line)!;
    const name = match[1] === undefined ? '[]' : (JSON.parse(match[1]) as string);
    const value = match[2]!;
    if (value.startsWith('}') || value.startsWith(']')) {
      open.pop();
      continue;
    }
    if (value === '' || value.startsWith('…')) break;
    const here = [...open, name].join('.');
    shape.add(`${here} ${typeName(value)}`);
    if (value === '{' || value === '[') open.push(name);
  }
  return shape;
}

function typeName(value: string): string {
  if (value.startsWith('{')) return 'object';
  if (value.startsWith('[')) return 'array';
  if (value.startsWith('"')) return 'string';
  return value === 'true' || value === 'false' ? 'boolean' : 'number';
}

/** All that were recorded, by their numbers. */
export const exchanges: readonly Exchange[] =
  skip === false ? globSync('*.txt', { cwd: folder }).sort().map(readExchange) : [];

export const isIngest = ({ path: target }: Exchange): boolean => target.startsWith('/v1/');

/** The OTLP requests that the recorded server was given, beside the JSON of exchange 02. */
export async function recordedBatches(): Promise<Uint8Array[]> {
  const { batches } = (await import(pathToFileURL(sharedPath('tracegen/tracegen.mjs')).href)) as {
    batches(options: object): Iterable<{ bytes: Uint8Array }>;
  };
  const options = { seed: 7, traces: 3, baseNs: 1_795_507_200_000_000_000n, spreadSeconds: 10 };
  return Array.from(batches(options), ({ bytes }) => bytes);
}
