/**
 * What a pod says about the resource of its spans, under the names of OpenTelemetry's semantic conventions.
 * https://opentelemetry.io/docs/specs/semconv/resource/k8s/ and …/container/
 */
import { RE2JS } from 're2js';
import { ErrorKind, RubatoError } from '../../base/errors.ts';
import { type AddedAttribute, addedAttribute } from '../attributes.ts';
import { expandTemplate } from '../relabel-template.ts';
import type { ContainerRecord, PodRecord } from './pod-record.ts';

export const metadataNames = [
  'k8s.cluster.name',
  'k8s.namespace.name',
  'k8s.pod.name',
  'k8s.pod.uid',
  'k8s.pod.ip',
  'k8s.pod.start_time',
  'k8s.node.name',
  'k8s.deployment.name',
  'k8s.replicaset.name',
  'k8s.statefulset.name',
  'k8s.daemonset.name',
  'k8s.job.name',
  'k8s.cronjob.name',
  'k8s.container.name',
  'container.id',
  'container.image.name',
  'container.image.tags',
] as const;
export type MetadataName = (typeof metadataNames)[number];

/** Left out: what grows the resource without being asked for often. */
export const metadataDefault: readonly MetadataName[] = metadataNames.filter(
  (name) => name !== 'k8s.pod.ip' && name !== 'k8s.pod.start_time' && !name.startsWith('container.'),
);

/** Which labels or annotations become attributes: one `key`, or those whose whole name matches. */
export interface FieldRule {
  readonly key?: string | undefined;
  readonly key_regex?: string | undefined;
  /** Name of the attribute, with groups of `key_regex`. Default: the semantic convention's. */
  readonly tag_name?: string | undefined;
}

export interface PodAttributesConfig {
  readonly clusterName: string | undefined;
  readonly metadata: readonly MetadataName[];
  readonly labels: readonly FieldRule[];
  readonly annotations: readonly FieldRule[];
}

type FieldNames = (key: string) => readonly string[];

export class PodAttributes {
  readonly #config: PodAttributesConfig;
  readonly #wanted: ReadonlySet<MetadataName>;
  readonly #labelNames: FieldNames;
  readonly #annotationNames: FieldNames;

  /** @throws RubatoError config: an expression that is none */
  constructor(config: PodAttributesConfig) {
    this.#config = config;
    this.#wanted = new Set(config.metadata);
    this.#labelNames = fieldNames(config.labels, 'k8s.pod.label.');
    this.#annotationNames = fieldNames(config.annotations, 'k8s.pod.annotation.');
  }

  /** @param containerName undefined: the pod's only container, if it has one only */
  of(pod: PodRecord, containerName: string | undefined): AddedAttribute[] {
    const values = this.#metadata(pod, containerOf(pod, containerName));
    const added: AddedAttribute[] = [];
    for (const name of metadataNames) {
      const value = values[name];
      if (value !== undefined && value !== '' && this.#wanted.has(name)) added.push(addedAttribute(name, value));
    }
    for (const [key, value] of Object.entries(pod.labels))
      for (const name of this.#labelNames(key)) added.push(addedAttribute(name, value));
    for (const [key, value] of Object.entries(pod.annotations))
      for (const name of this.#annotationNames(key)) added.push(addedAttribute(name, value));
    return added;
  }

  #metadata(
    pod: PodRecord,
    container: ContainerRecord | undefined,
  ): Partial<Record<MetadataName, string | readonly string[] | undefined>> {
    const image = container && splitImage(container.image);
    return {
      'k8s.cluster.name': this.#config.clusterName,
      'k8s.namespace.name': pod.namespace,
      'k8s.pod.name': pod.name,
      'k8s.pod.uid': pod.uid,
      'k8s.pod.ip': pod.ips[0],
      'k8s.pod.start_time': pod.startedMs === undefined ? undefined : new Date(pod.startedMs).toISOString(),
      'k8s.node.name': pod.nodeName,
      ...workloadNames(pod),
      'k8s.container.name': container?.name,
      'container.id': container?.id,
      'container.image.name': image?.name,
      'container.image.tags': image?.tag === undefined ? undefined : [image.tag],
    };
  }
}

/**
 * The controller, and the controller's controller by the way they name what they make, which saves watching two more
 * kinds of objects: a Deployment's ReplicaSet is called `<deployment>-<pod-template-hash>`, a CronJob's Job
 * `<cronjob>-<minutes since 1970>`.
 */
export function workloadNames({ owner, labels }: PodRecord): Partial<Record<MetadataName, string>> {
  switch (owner?.kind) {
    case 'ReplicaSet': {
      const hash = labels['pod-template-hash'];
      const deployment =
        hash !== undefined && owner.name.endsWith(`-${hash}`) ? owner.name.slice(0, -hash.length - 1) : undefined;
      return { 'k8s.replicaset.name': owner.name, ...(deployment && { 'k8s.deployment.name': deployment }) };
    }
    case 'StatefulSet':
      return { 'k8s.statefulset.name': owner.name };
    case 'DaemonSet':
      return { 'k8s.daemonset.name': owner.name };
    case 'Job': {
      const cronJob = /^(.+)-\d{8,}$/.exec(owner.name)?.[1];
      return { 'k8s.job.name': owner.name, ...(cronJob && { 'k8s.cronjob.name': cronJob }) };
    }
    default:
      return {};
  }
}

export function containerOf(pod: PodRecord, name: string | undefined): ContainerRecord | undefined {
  if (name !== undefined) return pod.containers.find((container) => container.name === name);
  const running = pod.containers.filter(({ isInit }) => !isInit);
  return running.length === 1 ? running[0] : undefined;
}

/** `registry:5000/shop/web:1.2@sha256:…` → `registry:5000/shop/web`, `1.2` */
function splitImage(image: string): { name: string; tag: string | undefined } {
  const [whole = ''] = image.split('@', 1);
  const match = /^(.*?)(?::([^/:]+))?$/.exec(whole)!;
  return { name: match[1]!, tag: match[2] };
}

function fieldNames(rules: readonly FieldRule[], prefix: string): FieldNames {
  const compiled = rules.map(({ key, key_regex, tag_name }) => {
    const regex = key_regex === undefined ? undefined : compile(key_regex);
    return (name: string): string | undefined => {
      if (regex === undefined) return name === key ? (tag_name ?? prefix + name) : undefined;
      const match = regex.matcher(name);
      if (!match.matches()) return undefined;
      return tag_name === undefined ? prefix + name : expandTemplate(tag_name, match);
    };
  });
  return (name) => [...new Set(compiled.map((nameOf) => nameOf(name)).filter((found) => found !== undefined))];
}

function compile(text: string): RE2JS {
  try {
    return RE2JS.compile(text);
  } catch (error) {
    throw new RubatoError(ErrorKind.config, 'bad_key_regex', `key_regex ${text}: ${(error as Error).message}`, error);
  }
}
