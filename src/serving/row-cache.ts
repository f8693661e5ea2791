/**
 * A cache of fixed-size blocks of floats by number, oldest use leaves first. Blocks lie in one array;
 * order of use is a doubly linked list over slots.
 */
export class RowCache {
  readonly #width: number;
  readonly #data: Float32Array;
  readonly #slots = new Map<number, number>();
  readonly #keys: Float64Array;
  readonly #newer: Int32Array;
  readonly #older: Int32Array;
  #newest = -1;
  #oldest = -1;

  /** @param width floats of a block @param bytes memory for blocks; there is always room for one */
  constructor(width: number, bytes: number) {
    const capacity = Math.max(1, Math.floor(bytes / (4 * width)));
    this.#width = width;
    this.#data = new Float32Array(capacity * width);
    this.#keys = new Float64Array(capacity);
    this.#newer = new Int32Array(capacity);
    this.#older = new Int32Array(capacity);
  }

  get capacity(): number {
    return this.#keys.length;
  }

  get size(): number {
    return this.#slots.size;
  }

  /** The block, valid until the next `add`; undefined when it is not here. */
  get(key: number): Float32Array | undefined {
    const slot = this.#slots.get(key);
    if (slot === undefined) return undefined;
    if (slot !== this.#newest) {
      this.#unlink(slot);
      this.#append(slot);
    }
    return this.#block(slot);
  }

  /** Room for a block that is not here yet, to be written by the caller; valid until the next `add`. */
  add(key: number): Float32Array {
    let slot = this.#slots.size;
    if (slot === this.capacity) {
      slot = this.#oldest;
      this.#slots.delete(this.#keys[slot]);
      this.#unlink(slot);
    }
    this.#keys[slot] = key;
    this.#slots.set(key, slot);
    this.#append(slot);
    return this.#block(slot);
  }

  #block(slot: number): Float32Array {
    return this.#data.subarray(slot * this.#width, (slot + 1) * this.#width);
  }

  #unlink(slot: number): void {
    const newer = this.#newer[slot];
    const older = this.#older[slot];
    if (newer >= 0) this.#older[newer] = older;
    else this.#newest = older;
    if (older >= 0) this.#newer[older] = newer;
    else this.#oldest = newer;
  }

  #append(slot: number): void {
    this.#older[slot] = this.#newest;
    this.#newer[slot] = -1;
    if (this.#newest >= 0) this.#newer[this.#newest] = slot;
    else this.#oldest = slot;
    this.#newest = slot;
  }
}
