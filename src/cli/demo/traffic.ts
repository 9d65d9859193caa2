/**
 * One visit of the bookshop at a time, as spans. The same seed gives the same visits; only their start moves them in
 * time. Now and then a backend has a bad minute (slow, failing), so that there is something to find.
 */
import { type Rng, randomHex } from '../../base/random.ts';
import type { AnyValue, KeyValue } from '../../model/any-value.ts';
import { type PlainEvent, type PlainResource, type PlainSpan, plainSpan } from '../../model/plain-span.ts';
import { type Backend, backends, journeys, Kind, type Operation, operations, type Scalar, services } from './shop.ts';

const callDepthMax = 12;
const networkMs = { min: 0.15, max: 0.9 };
/** Every spell lasts a minute and hits one backend; one minute in `every` has one. */
const badSpell = { every: 5, slower: 6, failureAdded: 0.15 };

interface Visit {
  readonly traceId: string;
  readonly startUnixNano: bigint;
  readonly visitor: readonly KeyValue[];
  readonly troubled: string | undefined;
  readonly spans: PlainSpan[];
}

/** Result of a call: when it ended, ms since the visit began, and whether it failed. */
interface Outcome {
  readonly endMs: number;
  readonly failed: boolean;
}

export class ShopTraffic {
  readonly #rng: Rng;
  readonly #replicas = new Map<string, readonly PlainResource[]>();
  readonly #weightTotal = journeys.reduce((sum, journey) => sum + journey.weight, 0);

  constructor(rng: Rng) {
    this.#rng = rng;
    for (const service of services) {
      const replicas = Array.from({ length: service.replicas }, () => this.#resource(service));
      this.#replicas.set(service.name, replicas);
    }
  }

  /** All spans of one visit that begins at `startUnixNano`, in the order in which they start. */
  visit(startUnixNano: bigint): PlainSpan[] {
    const minute = Number(startUnixNano / 60_000_000_000n);
    const names = Object.keys(backends);
    const visit: Visit = {
      traceId: randomHex(this.#rng, 16),
      startUnixNano,
      visitor: [
        attribute('user.id', `reader-${Math.floor(this.#rng.float() ** 2 * 900)}`),
        attribute('app.membership', this.#pick(['none', 'none', 'none', 'club', 'patron'])),
      ],
      troubled: minute % badSpell.every === 0 ? names[Math.floor(minute / badSpell.every) % names.length] : undefined,
      spans: [],
    };
    let draw = this.#rng.float() * this.#weightTotal;
    const journey = journeys.find((candidate) => (draw -= candidate.weight) < 0) ?? journeys[0]!;
    this.#serve(visit, { operation: operations[journey.operation]!, parent: '', caller: undefined, atMs: 0, depth: 0 });
    return visit.spans.sort((a, b) => (a.startTimeUnixNano < b.startTimeUnixNano ? -1 : 1));
  }

  /** The called side of an operation and everything below it. */
  #serve(
    visit: Visit,
    call: { operation: Operation; parent: string; caller: PlainResource | undefined; atMs: number; depth: number },
  ): Outcome {
    const { operation, atMs, depth } = call;
    const local = operation.protocol === 'internal';
    const resource =
      local && call.caller !== undefined ? call.caller : this.#pick(this.#replicas.get(operation.service)!);
    const spanId = randomHex(this.#rng, 8);
    const ownMs = this.#logNormal(operation.ownMs, operation.spread);
    let nowMs = atMs + ownMs * 0.4;
    let endMs = nowMs;
    let failed = this.#rng.float() < operation.failure;
    const events: PlainEvent[] = [];
    if (depth < callDepthMax) {
      for (const { to, probability, timesMax = 1, parallel = false } of operation.calls) {
        if (this.#rng.float() >= probability) continue;
        const times = 1 + Math.floor(this.#rng.float() * timesMax);
        for (let i = 0; i < times; i++) {
          const outcome = this.#call(visit, { to, parent: spanId, caller: resource, atMs: nowMs, depth: depth + 1 });
          const queued = operation.protocol === 'queue';
          if (!queued) endMs = Math.max(endMs, outcome.endMs);
          if (!parallel && !queued) nowMs = outcome.endMs + 0.05;
          if (!outcome.failed || queued) continue;
          // Half of the failed calls are made up for by a cached answer.
          if (this.#rng.float() < 0.5)
            events.push(this.#event(visit, outcome.endMs, 'fallback', [attribute('fallback.source', 'stale cache')]));
          else failed = true;
        }
      }
    }
    endMs = Math.max(endMs, nowMs) + ownMs * 0.6;
    const message = failed
      ? `${operation.service}: ${this.#pick(['upstream failed', 'deadline exceeded', 'cannot complete request'])}`
      : '';
    if (failed) events.push(this.#exception(visit, endMs - 0.1, message));
    visit.spans.push(
      plainSpan({
        traceId: visit.traceId,
        spanId,
        parentSpanId: call.parent,
        name: operation.name,
        kind:
          operation.protocol === 'internal'
            ? Kind.internal
            : operation.protocol === 'queue'
              ? operation.name.endsWith('publish')
                ? Kind.producer
                : Kind.consumer
              : Kind.server,
        startTimeUnixNano: at(visit, atMs),
        endTimeUnixNano: at(visit, endMs),
        attributes: [...protocolAttributes(operation, failed), ...(depth < 2 ? visit.visitor : [])],
        events,
        statusCode: failed ? 2 : 0,
        statusMessage: message,
        resource,
        scope: {
          name: `shop/${operation.service}`,
          version: '1.0.0',
          attributes: [],
          droppedAttributesCount: 0,
          schemaUrl: '',
        },
      }),
    );
    return { endMs, failed };
  }

  /** The calling side: a client span around another service or a backend. */
  #call(
    visit: Visit,
    call: { to: string; parent: string; caller: PlainResource; atMs: number; depth: number },
  ): Outcome {
    const operation = operations[call.to];
    if (operation === undefined) return this.#backend(visit, backends[call.to]!, call);
    if (operation.protocol === 'internal' || operation.protocol === 'queue') {
      const delayMs = operation.protocol === 'queue' ? 2 + this.#rng.float() * 30 : 0;
      return this.#serve(visit, {
        operation,
        parent: call.parent,
        caller: call.caller,
        atMs: call.atMs + delayMs,
        depth: call.depth,
      });
    }
    const spanId = randomHex(this.#rng, 8);
    const there = this.#network();
    const outcome = this.#serve(visit, {
      operation,
      parent: spanId,
      caller: call.caller,
      atMs: call.atMs + there,
      depth: call.depth,
    });
    const endMs = outcome.endMs + this.#network();
    visit.spans.push(
      plainSpan({
        traceId: visit.traceId,
        spanId,
        parentSpanId: call.parent,
        name: operation.protocol === 'http' ? operation.name.split(' ')[0]! : operation.name,
        kind: Kind.client,
        startTimeUnixNano: at(visit, call.atMs),
        endTimeUnixNano: at(visit, endMs),
        attributes: [
          ...protocolAttributes(operation, outcome.failed),
          attribute('server.address', `${operation.service}.shop.svc`),
        ],
        statusCode: outcome.failed ? 2 : 0,
        resource: call.caller,
        scope: { name: 'shop/client', version: '1.0.0', attributes: [], droppedAttributesCount: 0, schemaUrl: '' },
      }),
    );
    return { endMs, failed: outcome.failed };
  }

  #backend(
    visit: Visit,
    backend: Backend,
    call: { to: string; parent: string; caller: PlainResource; atMs: number },
  ): Outcome {
    const troubled = visit.troubled === call.to;
    const tookMs = this.#logNormal(backend.medianMs * (troubled ? badSpell.slower : 1), backend.spread);
    const failed = this.#rng.float() < backend.failure + (troubled ? badSpell.failureAdded : 0);
    const endMs = call.atMs + tookMs;
    visit.spans.push(
      plainSpan({
        traceId: visit.traceId,
        spanId: randomHex(this.#rng, 8),
        parentSpanId: call.parent,
        name: backend.name,
        kind: Kind.client,
        startTimeUnixNano: at(visit, call.atMs),
        endTimeUnixNano: at(visit, endMs),
        attributes: Object.entries(backend.attributes).map(([key, value]) => attribute(key, value)),
        events: failed ? [this.#exception(visit, endMs - 0.05, backend.failureMessage)] : [],
        statusCode: failed ? 2 : 0,
        statusMessage: failed ? backend.failureMessage : '',
        resource: call.caller,
        scope: { name: 'shop/client', version: '1.0.0', attributes: [], droppedAttributesCount: 0, schemaUrl: '' },
      }),
    );
    return { endMs, failed };
  }

  #resource(service: (typeof services)[number]): PlainResource {
    const pod = `${service.name}-${randomHex(this.#rng, 4)}-${randomHex(this.#rng, 4).slice(0, 5)}`;
    const zone = this.#pick(['a', 'b', 'c']);
    const attributes = {
      'service.name': service.name,
      'service.namespace': 'bookshop',
      'service.version': service.version,
      'deployment.environment.name': 'production',
      'k8s.cluster.name': 'shop-1',
      'k8s.namespace.name': 'shop',
      'k8s.deployment.name': service.name,
      'k8s.pod.name': pod,
      'k8s.node.name': `node-${zone}-${1 + (this.#rng.uint32() % 3)}`,
      'cloud.availability_zone': `eu-central-1${zone}`,
      'telemetry.sdk.language': service.language,
    };
    return {
      attributes: Object.entries(attributes).map(([key, value]) => attribute(key, value)),
      droppedAttributesCount: 0,
      entityRefs: [],
      schemaUrl: '',
    };
  }

  #exception(visit: Visit, atMs: number, message: string): PlainEvent {
    const type = this.#pick([
      'TimeoutError',
      'java.lang.IllegalStateException',
      'ConnectionError',
      'context.DeadlineExceeded',
    ]);
    const stack = Array.from(
      { length: 5 },
      (_, i) => `    at shop.Handler.step${i}(Handler.java:${20 + (this.#rng.uint32() % 400)})`,
    );
    return this.#event(visit, atMs, 'exception', [
      attribute('exception.type', type),
      attribute('exception.message', message),
      attribute('exception.stacktrace', `${type}: ${message}\n${stack.join('\n')}`),
    ]);
  }

  #event(visit: Visit, atMs: number, name: string, attributes: readonly KeyValue[]): PlainEvent {
    return { timeUnixNano: at(visit, atMs), name, attributes, droppedAttributesCount: 0 };
  }

  #network(): number {
    return networkMs.min + this.#rng.float() * (networkMs.max - networkMs.min);
  }

  #pick<Item>(items: readonly Item[]): Item {
    return items[this.#rng.uint32() % items.length]!;
  }

  /** Box–Muller. */
  #logNormal(median: number, sigma: number): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.#rng.float()));
    return median * Math.exp(sigma * radius * Math.cos(2 * Math.PI * this.#rng.float()));
  }
}

function at(visit: Visit, ms: number): bigint {
  return visit.startUnixNano + BigInt(Math.round(ms * 1e6));
}

function attribute(key: string, value: Scalar): KeyValue {
  return { key, value: anyValue(value) };
}

function anyValue(value: Scalar): AnyValue {
  switch (typeof value) {
    case 'string':
      return { type: 'string', value };
    case 'bigint':
      return { type: 'int', value };
    case 'boolean':
      return { type: 'bool', value };
    case 'number':
      return { type: 'double', value };
  }
}

function protocolAttributes(operation: Operation, failed: boolean): KeyValue[] {
  const [first = '', second = ''] = operation.name.split(operation.protocol === 'grpc' ? '/' : ' ');
  switch (operation.protocol) {
    case 'http':
      return [
        attribute('http.request.method', first),
        attribute('http.route', second),
        attribute('http.response.status_code', failed ? 503n : 200n),
      ];
    case 'grpc':
      return [
        attribute('rpc.system', 'grpc'),
        attribute('rpc.service', first),
        attribute('rpc.method', second),
        attribute('rpc.grpc.status_code', failed ? 14n : 0n),
      ];
    case 'queue':
      return [attribute('messaging.system', 'kafka'), attribute('messaging.destination.name', first)];
    case 'internal':
      return [];
  }
}
