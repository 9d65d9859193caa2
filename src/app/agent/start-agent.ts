/** Puts the agent together, opens it, and ends it: receivers → enricher → outbox (→ spool) → server. */
import { AgentIngest } from '../../agent/agent-ingest.ts';
import { addedAttribute } from '../../agent/attributes.ts';
import { Delivery } from '../../agent/delivery.ts';
import { Enricher } from '../../agent/enricher.ts';
import { Outbox } from '../../agent/outbox.ts';
import { Sender } from '../../agent/sender.ts';
import { ServerClient } from '../../agent/server-client.ts';
import { Spool } from '../../agent/spool.ts';
import { checkTenantId } from '../../api/tenant.ts';
import { systemClock } from '../../base/clock.ts';
import { systemRng } from '../../base/random.ts';
import { lockFolder } from '../../fs/folder-lock.ts';
import { LocalObjectStore } from '../../objectstore/local.ts';
import { BodyGate } from '../../roles/write/body-gate.ts';
import { type ReceiverAddress, Receivers } from '../../roles/write/receivers.ts';
import { createLog } from '../log.ts';
import { receiverSpecs } from '../receiver-specs.ts';
import { pemFile } from '../tls-files.ts';
import { version } from '../version.ts';
import { AgentDiscovery } from './agent-discovery.ts';
import { type AgentParts, agentMetrics } from './agent-metrics.ts';
import type { AgentConfig } from './config.ts';
import { authorization } from './credentials.ts';
import { startStatusServer } from './status-server.ts';

export interface RunningAgent {
  readonly httpPort: number;
  readonly receivers: readonly ReceiverAddress[];
  /** Takes nothing more, sends what it can in a few seconds; the rest waits on disk for the next start. */
  stop(): Promise<void>;
}

/** Unanswered request bodies in memory at once, bytes. */
const heldBodiesMax = 32 << 20;
/** Stands for "no tenant" in the spool; no sender can say it. */
const noTenant = '~';

/** @throws RubatoError config: something cannot be opened; nothing stays open then */
export async function startAgent(config: AgentConfig): Promise<RunningAgent> {
  const log = createLog(config.server, 'agent');
  const lock = await lockFolder(config.spool.path, 'alone');
  const abort = new AbortController();
  try {
    const discovery = await AgentDiscovery.create(config);
    const store = await LocalObjectStore.open({ root: config.spool.path, clock: systemClock, rng: systemRng });
    const spool = await Spool.open({
      store,
      bytesMax: config.spool.max_bytes,
      clock: systemClock,
      rng: systemRng,
      onDamaged: (skipped) => log.error(skipped, 'a spooled segment cannot be read; its spans are lost'),
    });
    const enricher = createEnricher(config, discovery);
    discovery.onChange = (isNews) => enricher.changed(isNews);
    const client = serverClient(config);
    const sender = new Sender({
      client,
      clock: systemClock,
      log,
      orgIdOf: (tenant) => (tenant === noTenant ? undefined : tenant),
    });
    const common = { sender, spool, clock: systemClock, batchBytesMax: config.remote.batch_bytes };
    const delivery = new Delivery({ ...common, rng: systemRng, log });
    const ingest = new AgentIngest(enricher, new Outbox(common));
    const gate = new BodyGate(heldBodiesMax);
    const tenantOf = (orgId: string | undefined): string => senderTenant(orgId, config.tenant);
    const specs = receiverSpecs({ distributor: { receivers: config.receivers } }, log);
    const receivers = new Receivers(specs, { ingest, gate, tenantOf, clock: systemClock, log });
    const parts: AgentParts = {
      ...{ version, ingest, enricher, spool, sender, delivery, discovery, receivers },
      spoolBytesMax: config.spool.max_bytes,
    };
    let isStopping = false;
    const notReady = (): string | undefined =>
      isStopping ? 'stopping' : discovery.isSynced ? undefined : 'the pods are not known yet';
    const addresses = await receivers.listen();
    const status = await startStatusServer({
      host: config.server.http_listen_address,
      port: config.server.http_listen_port,
      parts,
      metrics: agentMetrics(parts),
      notReady,
    }).catch(async (error: unknown) => {
      await receivers.close();
      throw error;
    });
    const watching = discovery.run(abort.signal);
    const delivering = delivery.run(abort.signal);
    return {
      httpPort: status.port,
      receivers: addresses,
      async stop() {
        isStopping = true;
        await receivers.close();
        await spool.close();
        abort.abort();
        await Promise.all([watching, delivering]);
        const isDrained = await delivery.drain(AbortSignal.timeout(config.shutdown_timeout));
        if (!isDrained) log.warn({ bytes: spool.bytes }, 'spans are left in the spool for the next start');
        client.close();
        await status.close();
        await lock.release();
      },
    };
  } catch (error) {
    abort.abort();
    await lock.release();
    throw error;
  }
}

function createEnricher(config: AgentConfig, discovery: AgentDiscovery): Enricher {
  const fixed = Object.entries(config.attributes).map(([key, value]) => addedAttribute(key, value));
  if (config.cluster_name !== '' && discovery.enrichment === undefined)
    fixed.push(addedAttribute('k8s.cluster.name', config.cluster_name));
  const { from_attribute } = config.tenant;
  return new Enricher({
    kubernetes: discovery.enrichment,
    targets: discovery.targets,
    fixed,
    override: config.existing_attributes === 'replace',
    waitMsMax: config.wait_for_metadata,
    clock: systemClock,
    tenantOf(given, attribute) {
      const named = from_attribute === '' ? undefined : attribute(from_attribute);
      return named !== undefined && isTenantId(named) ? named : given;
    },
  });
}

/** @throws RubatoError invalid */
function senderTenant(orgId: string | undefined, config: AgentConfig['tenant']): string {
  const tenant = config.from_header && orgId !== undefined && orgId !== '' ? orgId : config.default;
  if (tenant === '') return noTenant;
  checkTenantId(tenant);
  return tenant;
}

/** An attribute that is no tenant's id must not make spans undeliverable. */
function isTenantId(text: string): boolean {
  try {
    checkTenantId(text);
    return text !== '';
  } catch {
    return false;
  }
}

function serverClient({ remote }: AgentConfig): ServerClient {
  const { ca_file, cert_file, key_file, server_name, insecure_skip_verify } = remote.tls;
  return new ServerClient({
    protocol: remote.protocol,
    url: new URL(remote.url),
    compression: remote.compression,
    timeoutMs: remote.timeout,
    tls: {
      ...(ca_file !== undefined && { ca: pemFile(ca_file) }),
      ...(cert_file !== undefined && { cert: pemFile(cert_file) }),
      ...(key_file !== undefined && { key: pemFile(key_file) }),
      ...(server_name !== undefined && { servername: server_name }),
      ...(insecure_skip_verify && { rejectUnauthorized: false }),
    },
    headers: async () => ({ ...remote.headers, ...(await authorization(remote)) }),
  });
}
