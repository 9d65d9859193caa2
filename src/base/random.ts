/** Randomness comes in from outside: `systemRng` in production, `SeededRng` where a run must be repeatable. */
export interface Rng {
  /** Uniform over 0 .. 2^32 - 1. */
  uint32(): number;
  /** Uniform over [0, 1), 32 bits of it random. */
  float(): number;
}

/** The platform's cryptographic generator: what it gives is unique across processes and machines. */
export const systemRng: Rng = {
  uint32: () => crypto.getRandomValues(new Uint32Array(1))[0]!,
  float: () => crypto.getRandomValues(new Uint32Array(1))[0]! / 2 ** 32,
};

/** sfc32 (Chris Doty-Humphrey, PractRand), seeded by counting. Same seed, same sequence. Not for secrets. */
export class SeededRng implements Rng {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    this.#a = 0x9e3779b9;
    this.#b = 0x243f6a88;
    this.#c = seed | 0;
    for (let round = 0; round < 15; round++) this.uint32();
  }

  uint32(): number {
    const result = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) | 0;
    return result >>> 0;
  }

  float(): number {
    return this.uint32() / 2 ** 32;
  }
}

/** `byteCount` random bytes (a multiple of 4) as lower-case hex. */
export function randomHex(rng: Rng, byteCount: number): string {
  let hex = '';
  for (let at = 0; at < byteCount; at += 4) hex += rng.uint32().toString(16).padStart(8, '0');
  return hex;
}
