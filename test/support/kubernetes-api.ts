/**
 * A Kubernetes API that behaves like the real one where a watching client can tell: paged lists of one version, watches
 * from a version on with bookmarks, 410 for versions and pages that are forgotten, selectors, and faults on demand.
 * Objects are kept per plural (`pods`, `services`, …).
 */
import http from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FakeObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly labels?: Readonly<Record<string, string>>;
    resourceVersion?: string;
    readonly [key: string]: unknown;
  };
  readonly spec?: { readonly nodeName?: string; readonly [key: string]: unknown };
  readonly status?: Readonly<Record<string, unknown>>;
  readonly [key: string]: unknown;
}

interface WatchEvent {
  readonly plural: string;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly version: number;
  readonly object: FakeObject;
}

interface OpenWatch {
  readonly plural: string;
  readonly matches: (object: FakeObject) => boolean;
  readonly response: http.ServerResponse;
}

interface Page {
  readonly version: number;
  readonly rest: readonly FakeObject[];
}

export class FakeKubernetesApi {
  /** Answers to lists come so late. */
  listDelayMs = 0;
  /** Answered to everything, with 500. */
  isBroken = false;
  /** Of requests, as they came. */
  readonly requests: { readonly path: string; readonly query: URLSearchParams; readonly token: string | undefined }[] =
    [];
  readonly #objects = new Map<string, Map<string, FakeObject>>();
  readonly #watches = new Set<OpenWatch>();
  readonly #pages = new Map<string, Page>();
  readonly #server = http.createServer((request, response) => void this.#answer(request, response));
  #events: WatchEvent[] = [];
  #version = 1000;
  /** Older versions are forgotten. */
  #oldest = 0;
  #pageCount = 0;

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  get watchCount(): number {
    return this.#watches.size;
  }

  /** Creates or changes. */
  set(plural: string, object: FakeObject): void {
    const all = this.#all(plural);
    const type = all.has(object.metadata.uid) ? 'MODIFIED' : 'ADDED';
    this.#emit(plural, type, object);
    all.set(object.metadata.uid, object);
  }

  delete(plural: string, uid: string): void {
    const object = this.#all(plural).get(uid);
    if (object === undefined) return;
    this.#all(plural).delete(uid);
    this.#emit(plural, 'DELETED', structuredClone(object));
  }

  /** Every watch hears how far it is. */
  bookmark(): void {
    for (const { plural, response } of this.#watches)
      write(response, {
        type: 'BOOKMARK',
        object: { kind: plural, metadata: { resourceVersion: String(this.#version) } },
      });
  }

  /** As a compaction does: watches and pages from before cannot go on. */
  forgetHistory(): void {
    this.#oldest = this.#version;
    this.#events = [];
    this.#pages.clear();
  }

  /** Ends all watches without a word. */
  dropConnections(): void {
    for (const { response } of this.#watches) response.socket?.destroy();
    this.#watches.clear();
  }

  /** Ends all watches as the real one does when their time is over. */
  endWatches(): void {
    for (const { response } of this.#watches) response.end();
    this.#watches.clear();
  }

  /** Tells running watches, in their stream, that their version is too old. */
  expireWatches(): void {
    for (const { response } of this.#watches) {
      write(response, { type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' } });
      response.end();
    }
    this.#watches.clear();
  }

  #all(plural: string): Map<string, FakeObject> {
    let all = this.#objects.get(plural);
    if (all === undefined) this.#objects.set(plural, (all = new Map()));
    return all;
  }

  #emit(plural: string, type: WatchEvent['type'], object: FakeObject): void {
    object.metadata.resourceVersion = String(++this.#version);
    const event = { plural, type, version: this.#version, object: structuredClone(object) };
    this.#events.push(event);
    for (const watch of this.#watches) send(watch, event);
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://x');
    const query = url.searchParams;
    this.requests.push({ path: url.pathname, query, token: request.headers.authorization });
    const match = /^\/api\/v1(?:\/namespaces\/([^/]+))?\/([a-z]+)$/.exec(url.pathname);
    const [, namespace, plural = ''] = match ?? [];
    const matches = selects(namespace, query);
    if (this.isBroken) status(response, 500, 'InternalError', 'etcd is down');
    else if (match === null) status(response, 404, 'NotFound', 'the server could not find the requested resource');
    else if (query.get('watch') === 'true') this.#watch(plural, matches, query, response);
    else {
      if (this.listDelayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.listDelayMs));
      this.#list(plural, matches, query, response);
    }
  }

  #list(plural: string, matches: OpenWatch['matches'], query: URLSearchParams, response: http.ServerResponse): void {
    const token = query.get('continue');
    const page = token === null ? undefined : this.#pages.get(token);
    if (token !== null && page === undefined) {
      status(response, 410, 'Expired', 'The provided continue parameter is too old');
      return;
    }
    const all = page?.rest ?? [...this.#all(plural).values()].filter(matches).map((object) => structuredClone(object));
    const version = page?.version ?? this.#version;
    const limit = Number(query.get('limit') ?? 0) || all.length;
    const rest = all.slice(limit);
    let next = '';
    if (rest.length > 0) {
      next = `page-${this.#pageCount++}`;
      this.#pages.set(next, { version, rest });
    }
    json(response, 200, {
      kind: 'List',
      apiVersion: 'v1',
      metadata: { resourceVersion: String(version), ...(next !== '' && { continue: next }) },
      items: all.slice(0, limit),
    });
  }

  #watch(plural: string, matches: OpenWatch['matches'], query: URLSearchParams, response: http.ServerResponse): void {
    const from = Number(query.get('resourceVersion'));
    if (from < this.#oldest) {
      status(response, 410, 'Expired', `too old resource version: ${from}`);
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const watch = { plural, matches, response };
    for (const event of this.#events) if (event.version > from) send(watch, event);
    this.#watches.add(watch);
    response.on('close', () => this.#watches.delete(watch));
  }
}

function send({ plural, matches, response }: OpenWatch, event: WatchEvent): void {
  if (event.plural === plural && matches(event.object)) write(response, { type: event.type, object: event.object });
}

/** In two pieces, since the network knows nothing of lines. */
function write(response: http.ServerResponse, document: unknown): void {
  const line = `${JSON.stringify(document)}\n`;
  const middle = Math.floor(line.length / 2);
  response.write(line.slice(0, middle));
  response.write(line.slice(middle));
}

function selects(namespace: string | undefined, query: URLSearchParams): OpenWatch['matches'] {
  const pairs = (text: string | null): string[][] =>
    (text ?? '')
      .split(',')
      .filter((part) => part !== '')
      .map((part) => part.split('=', 2));
  const fields = pairs(query.get('fieldSelector'));
  const labels = pairs(query.get('labelSelector'));
  return (object) =>
    (namespace === undefined || object.metadata.namespace === namespace) &&
    fields.every(([path, value]) => path !== 'spec.nodeName' || object.spec?.nodeName === value) &&
    labels.every(([key = '', value]) => object.metadata.labels?.[key] === value);
}

function status(response: http.ServerResponse, code: number, reason: string, message: string): void {
  json(response, code, { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message });
}

function json(response: http.ServerResponse, code: number, document: unknown): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(document));
}

export interface FakePodOptions {
  readonly name: string;
  readonly uid?: string;
  readonly namespace?: string;
  /** Empty: none yet. */
  readonly ip: string;
  readonly nodeName?: string;
  readonly hostNetwork?: boolean;
  readonly phase?: string;
  readonly startedMs?: number;
  readonly finishedMs?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly owner?: { readonly kind: string; readonly name: string };
  readonly containers?: readonly { readonly name: string; readonly image?: string; readonly port?: number }[];
}

/** A pod as the API shows it. */
export function fakePod(options: FakePodOptions): FakeObject {
  const { name, ip, containers = [{ name: 'main', image: 'shop:1', port: 8080 }], owner } = options;
  const uid = options.uid ?? `uid-${name}`;
  const startedMs = options.startedMs ?? Date.now() - 60_000;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: options.namespace ?? 'shop',
      uid,
      labels: options.labels ?? {},
      annotations: options.annotations ?? {},
      ...(owner && {
        ownerReferences: [{ apiVersion: 'apps/v1', ...owner, uid: `uid-${owner.name}`, controller: true }],
      }),
    },
    spec: {
      nodeName: options.nodeName ?? 'node-1',
      hostNetwork: options.hostNetwork ?? false,
      containers: containers.map(({ name: container, image = 'shop:1', port }) => ({
        name: container,
        image,
        ...(port !== undefined && { ports: [{ name: 'http', containerPort: port, protocol: 'TCP' }] }),
      })),
    },
    status: {
      phase: options.phase ?? 'Running',
      ...(ip !== '' && { podIP: ip, podIPs: [{ ip }] }),
      hostIP: '10.9.0.1',
      startTime: apiTime(startedMs),
      conditions: [{ type: 'Ready', status: 'True' }],
      containerStatuses: containers.map(({ name: container }) => ({
        name: container,
        containerID: `containerd://${uid}-${container}`,
        state:
          options.finishedMs === undefined
            ? { running: { startedAt: apiTime(startedMs) } }
            : { terminated: { startedAt: apiTime(startedMs), finishedAt: apiTime(options.finishedMs) } },
      })),
    },
  };
}

/** RFC 3339, whole seconds. */
function apiTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
