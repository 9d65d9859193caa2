/**
 * Halves of requests between services that wait for their other half. An edge is found by trace id and the id of the
 * calling span, in an open-addressing table; all wait equally long, so that they expire in the order in which they came.
 */

export type ConnectionType = '' | 'messaging_system' | 'database' | 'virtual_node';

export interface Edge {
  /** Trace id, then the calling span's id, as words in memory. */
  readonly key: Uint32Array;
  readonly expiresMs: number;
  /** Services; empty while the side is missing. */
  client: string;
  server: string;
  /** Durations; -1 while the side is missing. */
  clientSeconds: number;
  serverSeconds: number;
  failed: boolean;
  connection: ConnectionType;
  /** Values of the dimensions on each side; empty while it is missing. */
  clientDimensions: readonly string[];
  serverDimensions: readonly string[];
  /** What the caller says that it calls. */
  peer: string;
  /** When the calling span ended and the called one started, Unix seconds; 0 while that is unknown. */
  clientEnd: number;
  serverStart: number;
  weight: number;
}

const keyWords = 6;

export class EdgeStore {
  #slots = new Int32Array(1 << 10);
  /** By slot value - 1. Places of edges that are done are free. */
  readonly #edges: (Edge | undefined)[] = [];
  readonly #free: number[] = [];
  /** Places in the order in which their edges came; those before `#first` are done. */
  #queue: { readonly place: number; readonly edge: Edge }[] = [];
  #first = 0;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  find(key: Uint32Array): Edge | undefined {
    const place = this.#slots[this.#slotOf(key)]! - 1;
    return place < 0 ? undefined : this.#edges[place];
  }

  /** There must be none with its key. */
  add(edge: Edge): void {
    if ((this.#count + 1) * 2 > this.#slots.length) this.#grow();
    const place = this.#free.pop() ?? this.#edges.length;
    this.#edges[place] = edge;
    this.#slots[this.#slotOf(edge.key)] = place + 1;
    this.#queue.push({ place, edge });
    this.#count++;
  }

  remove(key: Uint32Array): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = this.#slotOf(key);
    const place = slots[slot]! - 1;
    if (place < 0) return;
    this.#edges[place] = undefined;
    this.#free.push(place);
    this.#count--;
    // What stands behind moves up unless it is where its hash wants it: no gap may come before an edge.
    for (let next = (slot + 1) & mask; slots[next] !== 0; next = (next + 1) & mask) {
      const home = hashOf(this.#edges[slots[next]! - 1]!.key) & mask;
      if (((next - home) & mask) < ((next - slot) & mask)) continue;
      slots[slot] = slots[next]!;
      slot = next;
    }
    slots[slot] = 0;
  }

  /** Removes and returns the oldest edge if its time is over. */
  expire(nowMs: number): Edge | undefined {
    for (; this.#first < this.#queue.length; this.#first++) {
      const { place, edge } = this.#queue[this.#first]!;
      // The place may be another edge's by now.
      if (this.#edges[place] !== edge) continue;
      if (edge.expiresMs > nowMs) break;
      this.#first++;
      this.remove(edge.key);
      return edge;
    }
    if (this.#first > 1024 && this.#first * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#first);
      this.#first = 0;
    }
    return undefined;
  }

  /** Oldest first. */
  all(): Edge[] {
    return this.#queue.slice(this.#first).flatMap(({ place, edge }) => (this.#edges[place] === edge ? [edge] : []));
  }

  #slotOf(key: Uint32Array): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = hashOf(key) & mask;
    while (slots[slot] !== 0 && !sameKey(this.#edges[slots[slot]! - 1]!.key, key)) slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    this.#slots = new Int32Array(this.#slots.length * 2);
    for (let place = 0; place < this.#edges.length; place++) {
      const edge = this.#edges[place];
      if (edge !== undefined) this.#slots[this.#slotOf(edge.key)] = place + 1;
    }
  }
}

function sameKey(a: Uint32Array, b: Uint32Array): boolean {
  for (let i = keyWords - 1; i >= 0; i--) if (a[i] !== b[i]) return false;
  return true;
}

/** Ids are random mostly; those that are not still differ somewhere. */
function hashOf(key: Uint32Array): number {
  let hash = 0;
  for (let i = 0; i < keyWords; i++) {
    hash = Math.imul(hash ^ key[i]!, 0x85ebca6b);
    hash ^= hash >>> 13;
  }
  return hash;
}
