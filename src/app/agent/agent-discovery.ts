/** What the agent watches: the pods of the cluster and the targets of scrape_configs, from the configuration. */
import { Associator } from '../../agent/association.ts';
import { FileDiscovery } from '../../agent/discovery/file-discovery.ts';
import { HttpDiscovery } from '../../agent/discovery/http-discovery.ts';
import { KubernetesDiscovery } from '../../agent/discovery/kubernetes-discovery.ts';
import { staticDiscovery } from '../../agent/discovery/static-discovery.ts';
import type { Discovery } from '../../agent/discovery/target.ts';
import { TargetIndex } from '../../agent/discovery/target-index.ts';
import type { KubernetesEnrichment } from '../../agent/enricher.ts';
import { ApiClient } from '../../agent/kubernetes/api-client.ts';
import { clusterAccess } from '../../agent/kubernetes/cluster-access.ts';
import { Mirrors } from '../../agent/kubernetes/mirror.ts';
import { PodAttributes } from '../../agent/kubernetes/pod-attributes.ts';
import { PodIndex } from '../../agent/kubernetes/pod-index.ts';
import { pods } from '../../agent/kubernetes/resources.ts';
import { compileRelabelRules, type RelabelRule } from '../../agent/relabel.ts';
import { systemClock } from '../../base/clock.ts';
import { ErrorKind, RubatoError } from '../../base/errors.ts';
import { systemRng } from '../../base/random.ts';
import { nodeFileSystem } from '../../fs/node-file-system.ts';
import type { AgentConfig } from './config.ts';
import { authorization } from './credentials.ts';

export interface Job {
  readonly name: string;
  readonly discoveries: readonly Discovery[];
  readonly rules: readonly RelabelRule[];
}

const sweepEveryMs = 60_000;

export class AgentDiscovery {
  readonly targets = new TargetIndex();
  readonly pods = new PodIndex();
  readonly mirrors: Mirrors | undefined;
  readonly enrichment: KubernetesEnrichment | undefined;
  readonly jobs: readonly Job[];
  /** Called when pods or targets changed, with whether one is new. */
  onChange: (isNews: boolean) => void = () => undefined;
  #isSynced = false;

  private constructor(config: AgentConfig, mirrors: Mirrors | undefined) {
    this.mirrors = mirrors;
    if (config.kubernetes !== undefined) this.enrichment = this.#watchPods(config, config.kubernetes, mirrors!);
    this.jobs = config.scrape_configs.map((job) => ({
      name: job.job_name,
      rules: compileRelabelRules(job.relabel_configs),
      discoveries: discoveries(job, config, mirrors),
    }));
  }

  /** @throws RubatoError config: there is no cluster to be reached from here */
  static async create(config: AgentConfig): Promise<AgentDiscovery> {
    return new AgentDiscovery(config, await createMirrors(config));
  }

  /** All pods are known, or nobody asked for them. */
  get isSynced(): boolean {
    return this.enrichment === undefined || this.#isSynced;
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const work = this.jobs.flatMap(({ name, rules, discoveries: list }) =>
      list.map((discovery, index) => {
        const onGroup: Parameters<Discovery['run']>[0] = (source, targets) => {
          this.targets.setGroup(name, `${index}/${source}`, targets, rules);
          this.onChange(false);
        };
        return discovery.run(onGroup, signal);
      }),
    );
    if (this.mirrors !== undefined) work.push(this.mirrors.run(signal));
    if (this.enrichment !== undefined) work.push(this.#sweep(signal));
    await Promise.all(work);
  }

  async #sweep(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await systemClock.sleep(sweepEveryMs, signal).catch(() => undefined);
      this.pods.sweep(systemClock.nowMs());
    }
  }

  #watchPods(
    config: AgentConfig,
    kubernetes: NonNullable<AgentConfig['kubernetes']>,
    mirrors: Mirrors,
  ): KubernetesEnrichment {
    const { node_name, own_pod_uid, own_pod_ip, extract, pod_association } = kubernetes;
    const selection = { fieldSelector: node_name === '' ? undefined : `spec.nodeName=${node_name}` };
    const index = this.pods;
    mirrors.listen(pods, selection, {
      onList: (records) => {
        index.replaceAll(records, systemClock.nowMs());
        this.#isSynced = true;
        this.onChange(true);
      },
      onSet: (record) => this.onChange(index.set(record, systemClock.nowMs())),
      onGone: ({ uid }) => index.end(uid, systemClock.nowMs()),
    });
    const own = { uid: own_pod_uid || undefined, ip: own_pod_ip || undefined };
    return {
      associator: new Associator(index, pod_association, own),
      attributes: new PodAttributes({ clusterName: config.cluster_name || undefined, ...extract }),
      isSynced: () => this.#isSynced,
    };
  }
}

async function createMirrors(config: AgentConfig): Promise<Mirrors | undefined> {
  const { kubernetes, scrape_configs } = config;
  const isAskedFor = scrape_configs.some(({ kubernetes_sd_configs }) => kubernetes_sd_configs.length > 0);
  if (kubernetes === undefined) {
    if (!isAskedFor) return undefined;
    const message = 'kubernetes_sd_configs need the block kubernetes (it may be empty)';
    throw new RubatoError(ErrorKind.config, 'no_cluster', message);
  }
  const { kubeconfig_file, api_server, insecure_skip_verify } = kubernetes;
  const access = await clusterAccess(
    { kubeconfigFile: kubeconfig_file, apiServer: api_server, insecureSkipVerify: insecure_skip_verify },
    nodeFileSystem,
    process.env,
  );
  return new Mirrors({ client: new ApiClient(access), clock: systemClock, rng: systemRng });
}

function discoveries(
  job: AgentConfig['scrape_configs'][number],
  config: AgentConfig,
  mirrors: Mirrors | undefined,
): Discovery[] {
  const found: Discovery[] = [];
  if (job.static_configs.length > 0) found.push(staticDiscovery(job.static_configs));
  for (const { files, refresh_interval } of job.file_sd_configs) {
    const options = { files, lookEveryMs: refresh_interval, fileSystem: nodeFileSystem, clock: systemClock };
    found.push(new FileDiscovery(options));
  }
  for (const { url, refresh_interval, ...credentials } of job.http_sd_configs) {
    const headers = (): Promise<Record<string, string>> => authorization(credentials);
    found.push(new HttpDiscovery({ url, refreshIntervalMs: refresh_interval, headers, clock: systemClock }));
  }
  for (const { role, namespaces, selectors } of job.kubernetes_sd_configs) {
    const nodeName = config.kubernetes?.node_name || undefined;
    found.push(new KubernetesDiscovery({ role, namespaces: namespaces.names, selectors, nodeName }, mirrors!));
  }
  return found;
}
