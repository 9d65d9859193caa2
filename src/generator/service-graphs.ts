/**
 * Requests between services, out of pairs of spans: a CLIENT (or PRODUCER) span, and the SERVER (or CONSUMER) span whose
 * parent it is. Whichever comes first waits for the other as an edge. What has no other half becomes an edge all the same
 * when it says who the other side is:
 *
 *   CLIENT with a database's attributes      at once, to the database
 *   SERVER without a parent                  at once, from what it names as its peer, or from `user`
 *   CLIENT, PRODUCER with a peer attribute   when it has waited long enough, to that peer
 *
 * A side that was not seen has no latency, and none is observed for it.
 */
import { type ConnectionType, type Edge, EdgeStore } from './edge-store.ts';
import type { HistogramFamily, ValueFamily } from './families.ts';
import { errorStatus, Kind } from './intrinsic-text.ts';
import { dimensionName, type Label } from './labels.ts';
import { Multiplier } from './multiplier.ts';
import type { Registry } from './registry.ts';
import type { ServiceGraphSettings } from './settings.ts';
import { SpanFilter } from './span-filter.ts';
import type { SlotPlan, TableView } from './table-view.ts';

export interface GraphCounters {
  /** Edges that were counted. */
  edges: number;
  /** Halves that waited in vain and say nothing of the other side. */
  expiredEdges: number;
  /** Spans for which there was no room to wait. */
  droppedSpans: number;
}

/** An edge as it is kept over a restart. */
export type EdgeState = Omit<Edge, 'key'> & { readonly key: readonly number[] };

/** By series of one pair of services; undefined where nothing has been counted yet. */
interface EdgeSeries {
  readonly labels: readonly Label[];
  total: number | undefined;
  failed: number | undefined;
  server: number | undefined;
  client: number | undefined;
  messaging: number | undefined;
}

const unknownClient = 'user';
/** Names of a database server, the best first; the database's own name is the last. */
const serverNames = ['peer.service', 'server.address', 'network.peer.address'];
/** Remembered pairs; there are more only with dimensions of many values. */
const seriesKeptMax = 50_000;

export class ServiceGraphs {
  readonly counters: GraphCounters = { edges: 0, expiredEdges: 0, droppedSpans: 0 };
  readonly #settings: ServiceGraphSettings;
  readonly #registry: Registry;
  readonly #filter: SpanFilter;
  readonly #multiplier: Multiplier;
  readonly #total: ValueFamily;
  readonly #failed: ValueFamily;
  readonly #server: HistogramFamily;
  readonly #client: HistogramFamily;
  readonly #messaging: HistogramFamily | undefined;
  readonly #service: number;
  readonly #dimensions: readonly { readonly resource: number; readonly span: number }[];
  readonly #dimensionLabels: readonly { readonly client: string; readonly server: string }[];
  readonly #peers: readonly number[];
  readonly #databases: readonly number[];
  readonly #serverNames: readonly number[];
  readonly #port: number;
  readonly #edges = new EdgeStore();
  readonly #series = new Map<string, EdgeSeries>();
  readonly #key = new Uint32Array(6);

  constructor(settings: ServiceGraphSettings, registry: Registry, plan: SlotPlan, restored: readonly EdgeState[] = []) {
    this.#settings = settings;
    this.#registry = registry;
    this.#filter = new SpanFilter(settings.policies, plan);
    this.#multiplier = new Multiplier(settings, plan);
    this.#total = registry.counter('traces_service_graph_request_total');
    this.#failed = registry.counter('traces_service_graph_request_failed_total');
    this.#server = registry.histogram('traces_service_graph_request_server_seconds', settings.buckets);
    this.#client = registry.histogram('traces_service_graph_request_client_seconds', settings.buckets);
    this.#messaging = settings.messagingLatency
      ? registry.histogram('traces_service_graph_request_messaging_system_seconds', settings.buckets)
      : undefined;
    this.#service = plan.resource('service.name');
    this.#dimensions = settings.dimensions.map((key) => ({ resource: plan.resource(key), span: plan.span(key) }));
    this.#dimensionLabels = settings.dimensions.map((key) => dimensionLabels(key, settings));
    this.#peers = settings.peerAttributes.map((key) => plan.span(key));
    this.#databases = settings.databaseNameAttributes.map((key) => plan.span(key));
    this.#serverNames = serverNames.map((key) => plan.span(key));
    this.#port = plan.span('network.peer.port');
    for (const edge of restored) this.#edges.add({ ...edge, key: Uint32Array.from(edge.key) });
  }

  get waiting(): number {
    return this.#edges.count;
  }

  states(): EdgeState[] {
    return this.#edges.all().map((edge) => ({ ...edge, key: [...edge.key] }));
  }

  /** Numbers of series have changed. */
  forgetSeries(): void {
    this.#series.clear();
  }

  /** Takes in the span that the view has read, and says whether it was filtered. */
  count(view: TableView, row: number, seconds: number, nowMs: number): 'counted' | 'filtered' {
    const kind = view.data.kindStatus[row]! & 15;
    if (kind < Kind.server || kind > Kind.consumer) return 'counted';
    const service = view.text(view.found[this.#service]!) ?? '';
    if (service === '') return 'counted';
    if (!this.#filter.passesAll && !this.#filter.passes(view, row)) return 'filtered';
    if (kind === Kind.client || kind === Kind.producer) this.#callingSpan(view, row, service, seconds, nowMs);
    else this.#calledSpan(view, row, service, seconds, nowMs);
    return 'counted';
  }

  /** Ends the waiting of edges whose time is over. */
  expire(nowMs: number): void {
    for (let edge = this.#edges.expire(nowMs); edge !== undefined; edge = this.#edges.expire(nowMs)) {
      if (edge.client !== '' && edge.peer !== '') {
        edge.server = edge.peer;
        edge.connection = 'virtual_node';
        this.#complete(edge, 'server', nowMs);
      } else this.counters.expiredEdges++;
    }
  }

  #callingSpan(view: TableView, row: number, service: string, seconds: number, nowMs: number): void {
    const { data } = view;
    const isProducer = (data.kindStatus[row]! & 15) === Kind.producer;
    const key = this.#keyOf(view, row, data.spanId);
    const database = isProducer ? '' : this.#databaseName(view);
    const waiting = this.#edges.find(key);
    const edge = waiting ?? this.#newEdge(nowMs);
    edge.client = service;
    edge.clientSeconds = seconds;
    edge.failed ||= data.kindStatus[row]! >> 4 === errorStatus;
    edge.clientDimensions = this.#dimensionValues(view);
    edge.clientEnd = timeSeconds(data.end, row);
    edge.weight = this.#multiplier.of(view);
    if (isProducer) edge.connection = 'messaging_system';
    if (database !== '' && waiting === undefined) {
      edge.server = database;
      edge.serverSeconds = seconds;
      edge.connection = 'database';
      this.#complete(edge, '', nowMs);
      return;
    }
    edge.peer = firstText(view, this.#peers);
    this.#settle(edge, waiting !== undefined, nowMs);
  }

  #calledSpan(view: TableView, row: number, service: string, seconds: number, nowMs: number): void {
    const { data } = view;
    const isConsumer = (data.kindStatus[row]! & 15) === Kind.consumer;
    const isRoot = data.parentId[row * 2] === 0 && data.parentId[row * 2 + 1] === 0;
    const key = this.#keyOf(view, row, data.parentId);
    const waiting = isRoot ? undefined : this.#edges.find(key);
    const edge = waiting ?? this.#newEdge(nowMs);
    edge.server = service;
    edge.serverSeconds = seconds;
    edge.failed ||= data.kindStatus[row]! >> 4 === errorStatus;
    edge.serverDimensions = this.#dimensionValues(view);
    edge.serverStart = timeSeconds(data.start, row);
    if (waiting === undefined) edge.weight = this.#multiplier.of(view);
    if (isConsumer) edge.connection = 'messaging_system';
    if (!isRoot) {
      this.#settle(edge, waiting !== undefined, nowMs);
    } else if (isConsumer) {
      this.counters.expiredEdges++;
    } else {
      // Nothing can come that it belongs to.
      edge.client = firstText(view, this.#peers) || unknownClient;
      edge.connection = 'virtual_node';
      this.#complete(edge, 'client', nowMs);
    }
  }

  /** Counts an edge that has both sides; keeps one that has not. */
  #settle(edge: Edge, isKnown: boolean, nowMs: number): void {
    if (edge.client !== '' && edge.server !== '') {
      if (isKnown) this.#edges.remove(edge.key);
      this.#complete(edge, '', nowMs);
    } else if (!isKnown) {
      if (this.#edges.count >= this.#settings.edgesMax) this.counters.droppedSpans++;
      else this.#edges.add(edge);
    }
  }

  #newEdge(nowMs: number): Edge {
    return {
      key: this.#key.slice(),
      expiresMs: nowMs + this.#settings.waitMs,
      client: '',
      server: '',
      clientSeconds: -1,
      serverSeconds: -1,
      failed: false,
      connection: '',
      clientDimensions: [],
      serverDimensions: [],
      peer: '',
      clientEnd: 0,
      serverStart: 0,
      weight: 1,
    };
  }

  #keyOf({ data }: TableView, row: number, spanIds: Uint32Array): Uint32Array {
    const key = this.#key;
    const trace = data.trace[row]! * 4;
    for (let i = 0; i < 4; i++) key[i] = data.traceIds[trace + i]!;
    key[4] = spanIds[row * 2]!;
    key[5] = spanIds[row * 2 + 1]!;
    return key;
  }

  #dimensionValues(view: TableView): string[] {
    return this.#dimensions.map(({ resource, span }) => view.text(view.found[resource]! || view.found[span]!) ?? '');
  }

  /** What a database's client calls; empty when it is none. */
  #databaseName(view: TableView): string {
    const database = firstText(view, this.#databases);
    if (database === '') return '';
    for (let i = 0; i < serverNames.length; i++) {
      const name = view.text(view.found[this.#serverNames[i]!]!) ?? '';
      if (name === '') continue;
      const port = serverNames[i] === 'network.peer.address' ? (view.text(view.found[this.#port]!) ?? '') : '';
      return port === '' ? name : `${name}:${port}`;
    }
    return database;
  }

  #complete(edge: Edge, virtualNode: '' | 'client' | 'server', nowMs: number): void {
    const series = this.#seriesOf(edge, virtualNode);
    const { weight, key } = edge;
    this.counters.edges++;
    this.#total.add((series.total ??= this.#number(this.#total, series, nowMs)), weight, nowMs);
    if (edge.failed) this.#failed.add((series.failed ??= this.#number(this.#failed, series, nowMs)), weight, nowMs);
    if (edge.serverSeconds >= 0) {
      const number = (series.server ??= this.#number(this.#server, series, nowMs));
      this.#server.observe(number, edge.serverSeconds, weight, key, 0, nowMs);
    }
    if (edge.clientSeconds >= 0) {
      const number = (series.client ??= this.#number(this.#client, series, nowMs));
      this.#client.observe(number, edge.clientSeconds, weight, key, 0, nowMs);
    }
    const between = edge.serverStart - edge.clientEnd;
    const bothSeen = edge.clientEnd > 0 && edge.serverStart > 0;
    if (this.#messaging !== undefined && edge.connection === 'messaging_system' && bothSeen && between > 0) {
      const number = (series.messaging ??= this.#number(this.#messaging, series, nowMs));
      this.#messaging.observe(number, between, weight, key, 0, nowMs);
    }
  }

  #number(family: ValueFamily | HistogramFamily, { labels }: EdgeSeries, nowMs: number): number {
    return family.seriesOf(this.#registry.labelSet(labels), nowMs);
  }

  #seriesOf(edge: Edge, virtualNode: '' | 'client' | 'server'): EdgeSeries {
    let key = `${edge.client}\u0000${edge.server}\u0000${edge.connection}\u0000${virtualNode}`;
    for (const value of edge.clientDimensions) key += `\u0000${value}`;
    key += '\u0001';
    for (const value of edge.serverDimensions) key += `\u0000${value}`;
    let series = this.#series.get(key);
    if (series === undefined) {
      if (this.#series.size >= seriesKeptMax) this.#series.clear();
      const none = undefined;
      const labels = this.#labelsOf(edge, virtualNode);
      series = { labels, total: none, failed: none, server: none, client: none, messaging: none };
      this.#series.set(key, series);
    }
    return series;
  }

  #labelsOf(edge: Edge, virtualNode: string): Label[] {
    const { client, server, connection } = edge;
    const labels: Label[] = [
      { name: 'client', value: client },
      { name: 'server', value: server },
      { name: 'connection_type', value: connection satisfies ConnectionType },
    ];
    if (this.#settings.virtualNodeLabel) labels.push({ name: 'virtual_node', value: virtualNode });
    for (let i = 0; i < this.#dimensionLabels.length; i++) {
      const names = this.#dimensionLabels[i]!;
      const clientValue = edge.clientDimensions[i] ?? '';
      const serverValue = edge.serverDimensions[i] ?? '';
      if (this.#settings.clientServerPrefix) {
        labels.push({ name: names.client, value: clientValue }, { name: names.server, value: serverValue });
      } else labels.push({ name: names.client, value: clientValue || serverValue });
    }
    return labels;
  }
}

const taken: ReadonlySet<string> = new Set(['client', 'server', 'connection_type', 'virtual_node']);

function dimensionLabels(key: string, settings: ServiceGraphSettings): { client: string; server: string } {
  if (!settings.clientServerPrefix) {
    const name = dimensionName(key, taken);
    return { client: name, server: name };
  }
  return { client: dimensionName(`client_${key}`, taken), server: dimensionName(`server_${key}`, taken) };
}

function firstText(view: TableView, slots: readonly number[]): string {
  for (let i = 0; i < slots.length; i++) {
    const id = view.found[slots[i]!]!;
    if (id !== 0) return view.text(id) ?? '';
  }
  return '';
}

function timeSeconds(words: Uint32Array, row: number): number {
  return (words[row * 2 + 1]! * 2 ** 32 + words[row * 2]!) / 1e9;
}
