/**
 * Tags of Zipkin spans that belong to the resource: exporters of OpenTelemetry flatten it into every span's tags, and the
 * collector's receiver takes these keys out again. The resource attributes of the semantic conventions 1.12, and what
 * OpenCensus had. https://github.com/open-telemetry/opentelemetry-specification/tree/v1.12.0/semantic_conventions/resource
 */
export const resourceKeys: ReadonlySet<string> = new Set([
  ...group('aws', 'ecs.cluster.arn ecs.container.arn ecs.launchtype ecs.task.arn ecs.task.family ecs.task.revision'),
  ...group('aws', 'eks.cluster.arn log.group.arns log.group.names log.stream.arns log.stream.names'),
  ...group('cloud', 'account.id availability_zone platform provider region'),
  ...group('container', 'id image.name image.tag name runtime'),
  ...group('deployment', 'environment'),
  ...group('device', 'id manufacturer model.identifier model.name'),
  ...group('faas', 'id instance max_memory name version'),
  ...group('host', 'arch id image.id image.name image.version name type'),
  ...group('k8s', 'cluster.name container.name container.restart_count cronjob.name cronjob.uid daemonset.name'),
  ...group('k8s', 'daemonset.uid deployment.name deployment.uid job.name job.uid namespace.name node.name node.uid'),
  ...group('k8s', 'pod.name pod.uid replicaset.name replicaset.uid statefulset.name statefulset.uid'),
  ...group('opencensus', 'exporterversion resourcetype starttime'),
  ...group('os', 'description name type version'),
  ...group('process', 'command command_args command_line executable.name executable.path owner pid'),
  ...group('process', 'runtime.description runtime.name runtime.version'),
  ...group('service', 'instance.id name namespace version'),
  ...group('telemetry', 'auto.version sdk.language sdk.name sdk.version'),
  ...group('webengine', 'description name version'),
]);

function group(prefix: string, names: string): string[] {
  return names.split(' ').map((name) => `${prefix}.${name}`);
}
