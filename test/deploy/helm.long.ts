/** The chart: linted, rendered in all modes, every manifest checked, its configurations read by the program itself. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { kubernetesTools } from '../support/helm.ts';
import { manifestProblems } from '../support/kubernetes-manifest.ts';
import { temporaryFolder } from '../support/server.ts';

const root = path.resolve(import.meta.dirname, '../..');
const chart = path.join(root, 'deploy/helm/rubato');
const tools = kubernetesTools();
const skip = tools === undefined ? 'SKIPPED: helm and kubectl cannot be had' : false;
const folder = temporaryFolder('helm');
after(() => folder.remove());

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  // biome-ignore lint/suspicious/noExplicitAny: whatever the kind has
  readonly [key: string]: any;
}

const bucket = ['--set', 'mode=scalable,config.storage.trace.backend=s3,config.storage.trace.s3.bucket=traces'];
const modes: Readonly<
  Record<string, { readonly args: readonly string[]; readonly kinds: Readonly<Record<string, number>> }>
> = {
  single: { args: [], kinds: { StatefulSet: 1, Service: 1, PodDisruptionBudget: 1, Secret: 1, ServiceAccount: 1 } },
  'single without a disk': {
    args: ['--set', 'persistence.enabled=false,config.storage.trace.backend=gcs,podDisruptionBudget.enabled=false'],
    kinds: { Deployment: 1, Service: 1, Secret: 1, ServiceAccount: 1 },
  },
  scalable: {
    args: bucket,
    kinds: {
      ...{ Deployment: 3, Service: 3, HorizontalPodAutoscaler: 3, PodDisruptionBudget: 3 },
      ...{ Secret: 1, ServiceAccount: 1 },
    },
  },
  everything: {
    args: [
      ...bucket,
      ...['--set', 'metrics.enabled=true,agent.enabled=true,networkPolicy.enabled=true,serviceMonitor.enabled=true'],
      ...['--set', 'serviceAccount.annotations.eks\\.amazonaws\\.com/role-arn=arn:aws:iam::1:role/traces'],
      ...['--set', 'nodeSelector.pool=traces', '--set-json', 'env=[{"name":"AWS_REGION","value":"eu-central-1"}]'],
    ],
    kinds: {
      ...{ Deployment: 3, StatefulSet: 1, DaemonSet: 1, Service: 4, HorizontalPodAutoscaler: 3 },
      ...{ PodDisruptionBudget: 4, Secret: 2, ServiceAccount: 2, ClusterRole: 1, ClusterRoleBinding: 1 },
      ...{ NetworkPolicy: 1, ServiceMonitor: 1 },
    },
  },
};

function render(args: readonly string[]): Manifest[] {
  const { status, stdout, stderr } = tools!.helm('template', 'traces', chart, ...args);
  assert.equal(status, 0, stderr);
  return parseAllDocuments(stdout).map((document) => document.toJS() as Manifest);
}

for (const [mode, { args, kinds }] of Object.entries(modes)) {
  test(`${mode}: lints, renders what it should, and Kubernetes knows every field`, { skip }, () => {
    const lint = tools!.helm('lint', '--strict', chart, ...args);
    assert.equal(lint.status, 0, lint.stdout + lint.stderr);
    const manifests = render(args);
    const counts: Record<string, number> = {};
    for (const { kind } of manifests) counts[kind] = (counts[kind] ?? 0) + 1;
    assert.deepEqual(counts, kinds);
    for (const manifest of manifests)
      if (manifest.kind !== 'ServiceMonitor') assert.deepEqual(manifestProblems(manifest), [], manifest.metadata.name);
  });

  test(`${mode}: selectors find pods, ports have names, pods are locked down`, { skip }, () => {
    const manifests = render(args);
    const pods = manifests.filter(({ spec }) => spec?.template?.spec?.containers !== undefined);
    const labelsOf = pods.map(({ spec }) => spec.template.metadata.labels as Record<string, string>);
    const finds = (selector: Record<string, string>): boolean =>
      labelsOf.some((labels) => Object.entries(selector).every(([key, value]) => labels[key] === value));
    for (const { kind, metadata, spec } of manifests) {
      if (kind === 'Service') assert.ok(finds(spec.selector), metadata.name);
      if (kind === 'PodDisruptionBudget') assert.ok(finds(spec.selector.matchLabels), metadata.name);
      if (kind === 'HorizontalPodAutoscaler')
        assert.ok(manifests.some((one) => one.kind === 'Deployment' && one.metadata.name === spec.scaleTargetRef.name));
    }
    for (const { spec } of pods) {
      const pod = spec.template.spec;
      assert.equal(pod.securityContext.runAsNonRoot, true);
      for (const container of pod.containers) {
        assert.deepEqual(container.securityContext, {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        assert.ok(container.readinessProbe && container.livenessProbe && container.resources.limits.memory);
      }
    }
  });

  test(`${mode}: the program takes the configurations`, { skip }, () => {
    for (const { kind, stringData } of render(args)) {
      if (kind !== 'Secret') continue;
      for (const [name, text] of Object.entries(stringData as Record<string, string>)) {
        if (name === 'agent.yaml') continue;
        const file = path.join(folder.path, name);
        writeFileSync(file, text);
        const main = path.join(root, 'src/cli/main.ts');
        const { status, stderr, stdout } = spawnSync(process.execPath, [main, 'config', 'check', file], {
          encoding: 'utf8',
        });
        assert.equal(status, 0, `${stdout}${stderr}`);
      }
    }
  });
}

test('what cannot work is refused with a reason', { skip }, () => {
  for (const [args, reason] of [
    [['--set', 'mode=scalable'], /needs a bucket/],
    [['--set', 'mode=both'], /mode/],
    [['--set', 'wrtie.replicas=3'], /wrtie/],
  ] as const) {
    const { status, stderr } = tools!.helm('template', 'traces', chart, ...args);
    assert.notEqual(status, 0);
    assert.match(stderr, reason);
  }
});
