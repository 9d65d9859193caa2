/**
 * How to reach a cluster's API: from inside with the pod's service account, or with a kubeconfig file.
 *
 * Only the kubeconfig, whose exec plugins, OIDC and cloud tokens nobody should write twice, loads the official client:
 * its modules take 87 MB of memory, more than a node-local collector may take in all. Inside a cluster the access is
 * three files and two variables. https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
 */
import type { RequestOptions } from 'node:https';
import path from 'node:path';
import { ErrorKind, RubatoError } from '../../base/errors.ts';
import type { FileSystem } from '../../fs/file-system.ts';
import { readTextFile } from '../read-text-file.ts';

export interface ClusterAccess {
  /** Without a path. */
  readonly url: URL;
  /** TLS and credentials, asked for with every request: tokens are renewed while we run. */
  requestOptions(): Promise<RequestOptions>;
}

export interface ClusterAccessConfig {
  /** Unset: the pod's service account. */
  readonly kubeconfigFile?: string | undefined;
  /** Overrides the address; without `kubeconfigFile` the service account's token goes with it if there is one. */
  readonly apiServer?: string | undefined;
  readonly insecureSkipVerify?: boolean | undefined;
}

const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

/** @throws RubatoError config */
export function clusterAccess(
  config: ClusterAccessConfig,
  fileSystem: FileSystem,
  env: Readonly<Record<string, string | undefined>>,
): Promise<ClusterAccess> {
  if (config.kubeconfigFile !== undefined) return fromKubeconfig(config.kubeconfigFile, config.apiServer);
  return fromServiceAccount(config, fileSystem, env);
}

async function fromKubeconfig(file: string, apiServer: string | undefined): Promise<ClusterAccess> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const kubeconfig = new KubeConfig();
  try {
    kubeconfig.loadFromFile(file);
  } catch (error) {
    throw unusable(`kubeconfig ${file}: ${(error as Error).message}`, error);
  }
  const server = apiServer ?? kubeconfig.getCurrentCluster()?.server;
  if (server === undefined) throw unusable(`kubeconfig ${file} has no current context with a cluster`);
  return {
    url: new URL(server),
    async requestOptions() {
      const options: RequestOptions = {};
      await kubeconfig.applyToHTTPSOptions(options);
      return options;
    },
  };
}

async function fromServiceAccount(
  { apiServer, insecureSkipVerify }: ClusterAccessConfig,
  fileSystem: FileSystem,
  env: Readonly<Record<string, string | undefined>>,
): Promise<ClusterAccess> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = env;
  if (apiServer === undefined && host === undefined)
    throw unusable('this is no pod of a cluster: set kubernetes.kubeconfig_file or kubernetes.api_server');
  const url = new URL(apiServer ?? `https://${host!.includes(':') ? `[${host}]` : host}:${port}`);
  const file = (name: string): Promise<string | undefined> =>
    readTextFile(fileSystem, path.join(serviceAccountFolder, name)).catch(() => undefined);
  const ca = await file('ca.crt');
  return {
    url,
    async requestOptions() {
      // The kubelet renews the token every hour.
      const token = (await file('token'))?.trim();
      return {
        ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
        ...(ca !== undefined && { ca }),
        ...(insecureSkipVerify === true && { rejectUnauthorized: false }),
      };
    },
  };
}

function unusable(message: string, cause?: unknown): RubatoError {
  return new RubatoError(ErrorKind.config, 'no_cluster', message, cause);
}
