/**
 * Who a CLIENT, PRODUCER or CONSUMER span talks to when the other side sent no span: named by its attributes.
 * https://opentelemetry.io/docs/specs/semconv/ (database, messaging, server and peer attributes, and their former names)
 */
import type { AttributeNode } from '../../traceql/ast.ts';
import type { NodeKind } from '../../traceql/service-graph.ts';
import type { Fragment, LoadRequest } from '../../traceql/storage.ts';
import { type CompiledGroup, compileGroup, Reads, type TraceRange } from '../expression/index.ts';
import { labelText } from '../metrics/labels.ts';

const systemKeys = { database: ['db.system.name', 'db.system'], messaging: ['messaging.system'] } as const;

/** The first that a span has names the peer. */
const nameKeys: Readonly<Record<Exclude<NodeKind, 'service'>, readonly string[]>> = {
  database: [
    'peer.service',
    'db.namespace',
    'db.name',
    'server.address',
    'net.peer.name',
    'db.system.name',
    'db.system',
  ],
  messaging: ['messaging.destination.name', 'messaging.destination', 'peer.service', 'messaging.system'],
  external: ['peer.service', 'server.address', 'net.peer.name', 'http.host', 'rpc.service'],
};

const noPosition = { offset: 0, line: 1, column: 1 };

export interface Peer {
  readonly kind: Exclude<NodeKind, 'service'>;
  readonly name: string;
  readonly system: string;
}

/** The values of one attribute over a chunk, as texts. */
class Texts {
  readonly group: CompiledGroup;
  readonly #texts: string[] = [''];
  #codes = new Uint32Array(0);

  constructor(key: string, fragment: Fragment) {
    const ref: AttributeNode = { kind: 'attribute', scope: 'span', parent: false, name: key, pos: noPosition };
    this.group = compileGroup(ref, fragment);
  }

  read(range: TraceRange): void {
    const length = range.endRow - range.firstRow;
    if (this.#codes.length < length) this.#codes = new Uint32Array(length);
    this.group.codes(range, this.#codes.subarray(0, length));
    for (let code = this.#texts.length; code < this.group.codeCount; code++) {
      const value = this.group.label(code);
      this.#texts.push(value.type === 'any' ? '' : labelText(value));
    }
  }

  /** Empty where there is no value. */
  at(index: number): string {
    return this.#texts[this.#codes[index]!]!;
  }
}

/** The peers of one fragment's spans. */
export class Peers {
  readonly request: LoadRequest;
  readonly #texts: readonly Texts[];
  readonly #systems: Readonly<Record<'database' | 'messaging', readonly Texts[]>>;
  readonly #names: Readonly<Record<Peer['kind'], readonly Texts[]>>;
  /** By kind, system and name. */
  readonly #peers = new Map<string, Map<string, Map<string, Peer>>>();

  constructor(fragment: Fragment) {
    const byKey = new Map<string, Texts>();
    // Most fragments have few of the keys; the others cost nothing.
    const textsOf = (keys: readonly string[]): Texts[] =>
      keys
        .filter((key) => fragment.columns('span', key).length > 0)
        .map((key) => {
          let texts = byKey.get(key);
          if (texts === undefined) byKey.set(key, (texts = new Texts(key, fragment)));
          return texts;
        });
    this.#systems = { database: textsOf(systemKeys.database), messaging: textsOf(systemKeys.messaging) };
    this.#names = {
      database: textsOf(nameKeys.database),
      messaging: textsOf(nameKeys.messaging),
      external: textsOf(nameKeys.external),
    };
    this.#texts = [...byKey.values()];
    const reads = new Reads();
    for (const { group } of this.#texts) reads.add(group.request);
    this.request = reads.request();
  }

  read(range: TraceRange): void {
    for (const texts of this.#texts) texts.read(range);
  }

  /** The peer of the span at `index` of the range that was read; undefined when nothing names one. */
  at(index: number): Peer | undefined {
    const database = firstText(this.#systems.database, index);
    const messaging = database === '' ? firstText(this.#systems.messaging, index) : '';
    const kind = database !== '' ? 'database' : messaging !== '' ? 'messaging' : 'external';
    const name = firstText(this.#names[kind], index);
    return name === '' ? undefined : this.#peer(kind, name, database === '' ? messaging : database);
  }

  /** The topic or queue of the span at `index`. */
  destinationAt(index: number): Peer | undefined {
    const system = firstText(this.#systems.messaging, index);
    if (system === '') return undefined;
    return this.#peer('messaging', firstText(this.#names.messaging, index), system);
  }

  /** The same object for the same peer. */
  #peer(kind: Peer['kind'], name: string, system: string): Peer {
    let bySystem = this.#peers.get(kind);
    if (bySystem === undefined) this.#peers.set(kind, (bySystem = new Map()));
    let byName = bySystem.get(system);
    if (byName === undefined) bySystem.set(system, (byName = new Map()));
    let peer = byName.get(name);
    if (peer === undefined) byName.set(name, (peer = { kind, name, system }));
    return peer;
  }
}

function firstText(texts: readonly Texts[], index: number): string {
  for (let i = 0; i < texts.length; i++) {
    const text = texts[i]!.at(index);
    if (text !== '') return text;
  }
  return '';
}
