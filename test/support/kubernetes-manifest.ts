/**
 * Checks manifests against Kubernetes' own description of its objects, as its official client ships it: unknown fields,
 * wrong types. That is what `kubectl --validate` asks an API server for.
 */
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

interface Attribute {
  readonly baseName: string;
  readonly type: string;
}
interface Model {
  getAttributeTypeMap?(): readonly Attribute[];
}

const client = path.dirname(createRequire(import.meta.url).resolve('@kubernetes/client-node'));
const models = (await import(pathToFileURL(path.join(client, 'gen/models/all.js')).href)) as Record<string, Model>;

/** What is wrong, with its place; empty when nothing is. */
export function manifestProblems(manifest: { apiVersion?: string; kind?: string }): string[] {
  const { apiVersion = '', kind = '' } = manifest;
  const version = apiVersion.split('/').at(-1)!;
  const name = `${version.charAt(0).toUpperCase()}${version.slice(1)}${kind}`;
  if (models[name] === undefined) return [`${apiVersion} ${kind}: no such object`];
  return problemsOf(manifest, name, kind);
}

function problemsOf(value: unknown, type: string, at: string): string[] {
  const list = /^Array<(.*)>$/.exec(type);
  if (list !== null) {
    if (!Array.isArray(value)) return [`${at}: a list is expected`];
    return value.flatMap((item, i) => problemsOf(item, list[1]!, `${at}[${i}]`));
  }
  const map = /^\{ \[key: string\]: (.*); \}$/.exec(type);
  if (map !== null) {
    if (!isObject(value)) return [`${at}: a map is expected`];
    return Object.entries(value).flatMap(([key, item]) => problemsOf(item, map[1]!, `${at}.${key}`));
  }
  if (type === 'IntOrString') return typeof value === 'string' || Number.isInteger(value) ? [] : [`${at}: ${value}`];
  if (type === 'string' || type === 'number' || type === 'boolean')
    return typeof value === type ? [] : [`${at}: ${JSON.stringify(value)} is no ${type}`];
  const attributes = models[type]?.getAttributeTypeMap?.();
  if (attributes === undefined) return [];
  if (!isObject(value)) return [`${at}: ${type} is expected, not ${JSON.stringify(value)}`];
  return Object.entries(value).flatMap(([key, item]) => {
    const attribute = attributes.find(({ baseName }) => baseName === key);
    return attribute === undefined ? [`${at}.${key}: unknown`] : problemsOf(item, attribute.type, `${at}.${key}`);
  });
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
