/**
 * The calls between services in one fragment, found by parent rows:
 *
 *   front  SERVER             a root: a request of front
 *   front    CLIENT           answered by the span below: front ─► back
 *   back       SERVER         crosses into back: a request of back
 *   back         CLIENT       nothing below answers it: its attributes name the peer, back ─► redis
 *
 * A span *crosses* when its parent belongs to another service, or when it is the SERVER or CONSUMER of its own service's
 * CLIENT or PRODUCER. It *enters* its service when it crosses, is a root, or is a SERVER or CONSUMER whose parent is
 * missing: these are the requests that a service is counted by. A CONSUMER that enters without crossing comes from its
 * topic: topic ─► service.
 */
import type { Pipeline } from '../../traceql/ast.ts';
import { parseAttribute, parseQuery } from '../../traceql/parser.ts';
import type { Fragment, LoadRequest } from '../../traceql/storage.ts';
import { type CompiledGroup, compileGroup, Reads, type TraceRange } from '../expression/index.ts';
import type { Grid, Selection } from '../metrics/grid.ts';
import { labelText } from '../metrics/labels.ts';
import { SpanSource } from '../metrics/span-source.ts';
import { type EvaluationContext, type Visitor, visitSelected } from '../metrics/visit.ts';
import { CallGraph, type CallNode } from './call-graph.ts';
import { type Peer, Peers } from './peers.ts';

const Kind = { server: 2, client: 3, producer: 4, consumer: 5 } as const;
const errorStatus = 2;
const isRoot = -1;

const calls = (kind: number): boolean => kind === Kind.client || kind === Kind.producer;
const serves = (kind: number): boolean => kind === Kind.server || kind === Kind.consumer;

const everything = parseQuery('{ }').pipeline;
const serviceName = parseAttribute('resource.service.name');

/** Counts the requests whose spans start inside the grid. */
export async function countCalls(
  filter: Pipeline | undefined,
  grid: Grid,
  fragment: Fragment,
  context: EvaluationContext,
): Promise<CallGraph> {
  const counter = new CallCounter(filter ?? everything, grid, fragment, new CallGraph(context.budget));
  const inspected = await visitSelected(fragment, counter, context);
  counter.graph.inspected = inspected;
  return counter.graph;
}

class CallCounter implements Visitor {
  readonly grid: Grid;
  readonly source: SpanSource;
  readonly request: LoadRequest;
  readonly graph: CallGraph;
  readonly #fragment: Fragment;
  readonly #services: CompiledGroup;
  readonly #peers: Peers;
  /** By service code. */
  readonly #serviceNodes: CallNode[] = [];
  readonly #peerNodes = new Map<Peer, CallNode>();
  #codes = new Uint32Array(0);
  #answered = new Uint8Array(0);

  constructor(filter: Pipeline, grid: Grid, fragment: Fragment, graph: CallGraph) {
    this.grid = grid;
    this.graph = graph;
    this.#fragment = fragment;
    this.source = new SpanSource(filter, fragment);
    this.#services = compileGroup(serviceName, fragment);
    this.#peers = new Peers(fragment);
    this.request = new Reads()
      .addFixed('duration', 'kind', 'status', 'parent')
      .add(this.#services.request)
      .add(this.#peers.request)
      .request();
  }

  visit(chunk: TraceRange, selection: Selection): void {
    const { firstRow, endRow } = chunk;
    const length = endRow - firstRow;
    if (this.#codes.length < length) {
      this.#codes = new Uint32Array(length);
      this.#answered = new Uint8Array(length);
    }
    const codes = this.#codes.subarray(0, length);
    this.#services.codes(chunk, codes);
    this.#peers.read(chunk);
    const { kind, parent } = this.#fragment;
    markAnswered(kind, parent, codes, firstRow, endRow, this.#answered);
    for (let i = 0; i < selection.length; i++) this.#count(selection.rows[i]!, firstRow);
  }

  #count(row: number, firstRow: number): void {
    const { kind, parent, duration, status } = this.#fragment;
    const ownKind = kind[row]!;
    const parentRow = parent[row]!;
    const isError = status[row] === errorStatus;
    const crosses = parentRow >= 0 && crossesFrom(parentRow, row, kind, this.#codes, firstRow);
    if (crosses || parentRow === isRoot || (parentRow < 0 && serves(ownKind))) {
      const node = this.#service(row - firstRow);
      node.stats.add(duration[row]!, isError);
      if (crosses) {
        const isCall = calls(kind[parentRow]!);
        const seenNano = kind[parentRow] === Kind.client ? duration[parentRow]! : duration[row]!;
        const failed = isError || (isCall && status[parentRow] === errorStatus);
        this.graph.edge(this.#service(parentRow - firstRow), node).add(seenNano, failed);
      } else if (ownKind === Kind.consumer) {
        const topic = this.#peers.destinationAt(row - firstRow);
        if (topic !== undefined) this.graph.edge(this.#peer(topic), node).add(duration[row]!, isError);
      }
    }
    if (!calls(ownKind) || this.#answered[row - firstRow] === 1) return;
    const peer = this.#peers.at(row - firstRow);
    if (peer === undefined) return;
    const node = this.#peer(peer);
    node.stats.add(duration[row]!, isError);
    this.graph.edge(this.#service(row - firstRow), node).add(duration[row]!, isError);
  }

  #service(index: number): CallNode {
    const code = this.#codes[index]!;
    let node = this.#serviceNodes[code];
    if (node === undefined) {
      const name = code === 0 ? '' : labelText(this.#services.label(code));
      node = this.#serviceNodes[code] = this.graph.node('service', name, '');
    }
    return node;
  }

  #peer(peer: Peer): CallNode {
    let node = this.#peerNodes.get(peer);
    if (node === undefined) this.#peerNodes.set(peer, (node = this.graph.node(peer.kind, peer.name, peer.system)));
    return node;
  }
}

function crossesFrom(parentRow: number, row: number, kind: Uint8Array, codes: Uint32Array, firstRow: number): boolean {
  if (codes[parentRow - firstRow] !== codes[row - firstRow]) return true;
  return serves(kind[row]!) && calls(kind[parentRow]!);
}

/**
 * Marks the spans that need no peer to be named: a child crosses, or is itself a call of the same service (of two layers
 * of instrumentation the inner one counts).
 */
function markAnswered(
  kind: Uint8Array,
  parent: Int32Array,
  codes: Uint32Array,
  firstRow: number,
  endRow: number,
  answered: Uint8Array,
): void {
  answered.fill(0, 0, endRow - firstRow);
  for (let row = firstRow; row < endRow; row++) {
    const parentRow = parent[row]!;
    if (parentRow < 0) continue;
    const ownKind = kind[row]!;
    if (calls(ownKind) || crossesFrom(parentRow, row, kind, codes, firstRow)) answered[parentRow - firstRow] = 1;
  }
}
