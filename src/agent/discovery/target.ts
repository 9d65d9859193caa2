/** What service discovery finds: targets with their labels before relabelling, in groups that are replaced as a whole. */
import type { Labels } from '../relabel.ts';

export interface DiscoveredTarget {
  readonly labels: Labels;
  /** The pod behind it, and its container, where the source knows. */
  readonly podUid?: string | undefined;
  readonly container?: string | undefined;
}

/** No targets: the group is gone. */
export type OnGroup = (source: string, targets: readonly DiscoveredTarget[]) => void;

export interface DiscoveryStatus {
  /** How it is configured: `static`, `file`, `http`, `kubernetes pod`. */
  readonly kind: string;
  failures: number;
  lastError: string | undefined;
}

/** A source of targets that runs until it is told to stop. */
export interface Discovery {
  readonly status: DiscoveryStatus;
  /** Never rejects. */
  run(onGroup: OnGroup, signal: AbortSignal): Promise<void>;
}

/** A group as Prometheus's files and HTTP endpoints have it. */
export interface StaticGroup {
  readonly targets: readonly string[];
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

export function staticTargets(
  { targets, labels = {} }: StaticGroup,
  meta: Readonly<Record<string, string>> = {},
): DiscoveredTarget[] {
  return targets.map((address) => ({
    labels: new Map(Object.entries({ ...labels, ...meta, __address__: address })),
  }));
}

/**
 * A list of groups out of JSON or YAML of somebody else's.
 * @throws Error that says what is wrong
 */
export function parseGroups(content: unknown): StaticGroup[] {
  if (!Array.isArray(content)) throw new Error('not a list of target groups');
  return content.map((group: unknown, index) => {
    const { targets, labels = {}, ...others } = (group ?? {}) as Record<string, unknown>;
    const at = `target group ${index + 1}`;
    const unknown = Object.keys(others)[0];
    if (unknown !== undefined) throw new Error(`${at}: unknown key ${unknown}`);
    if (!Array.isArray(targets) || !targets.every((target) => typeof target === 'string'))
      throw new Error(`${at}: targets must be a list of texts`);
    if (typeof labels !== 'object' || labels === null || Array.isArray(labels))
      throw new Error(`${at}: labels must be a mapping`);
    for (const [name, value] of Object.entries(labels))
      if (typeof value !== 'string') throw new Error(`${at}: label ${name} must be a text`);
    return { targets, labels: labels as Record<string, string> };
  });
}
