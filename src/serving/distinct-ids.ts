/**
 * The distinct ids of a batch and, for every position, where its id stands among them. A candidate list
 * repeats its user's ids in every row, so a look-up of distinct rows reads a small part of the positions.
 *
 * An open-addressing hash table on typed arrays; its memory is kept between batches.
 */
export class DistinctIds {
  #slots = new Int32Array(1024).fill(-1);
  #ids = new Int32Array(256);
  #size = 0;

  /** The ids in order of first appearance; valid until `clear`. */
  get ids(): Int32Array {
    return this.#ids.subarray(0, this.#size);
  }

  clear(): void {
    if (this.#size * 8 > this.#slots.length) this.#slots.fill(-1);
    else for (const id of this.ids) this.#forget(id);
    this.#size = 0;
  }

  /** Positions of a column's ids among the distinct ones. */
  indexOf(column: Int32Array): Int32Array<ArrayBuffer> {
    const index = new Int32Array(column.length);
    let previous = -1;
    let place = -1;
    for (let k = 0; k < column.length; k++) {
      const id = column[k];
      if (id !== previous) {
        place = this.#placeOf(id);
        previous = id;
      }
      index[k] = place;
    }
    return index;
  }

  #placeOf(id: number): number {
    const slot = this.#slotOf(id);
    const known = this.#slots[slot];
    if (known >= 0) return known;
    const place = this.#size++;
    if (place === this.#ids.length) {
      const grown = new Int32Array(place * 2);
      grown.set(this.#ids);
      this.#ids = grown;
    }
    this.#ids[place] = id;
    this.#slots[slot] = place;
    if (this.#size * 2 > this.#slots.length) this.#grow();
    return place;
  }

  /** The slot that holds an id, or the empty one where it belongs. */
  #slotOf(id: number): number {
    const mask = this.#slots.length - 1;
    let slot = (Math.imul(id, 0x9e3779b1) >>> 7) & mask;
    while (this.#slots[slot] >= 0 && this.#ids[this.#slots[slot]] !== id) slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    this.#slots = new Int32Array(this.#slots.length * 4).fill(-1);
    for (let place = 0; place < this.#size; place++) this.#slots[this.#slotOf(this.#ids[place])] = place;
  }

  /** Only for emptying: removing single ids would break the chains of others. */
  #forget(id: number): void {
    const mask = this.#slots.length - 1;
    let slot = (Math.imul(id, 0x9e3779b1) >>> 7) & mask;
    while (this.#slots[slot] >= 0) {
      this.#slots[slot] = -1;
      slot = (slot + 1) & mask;
    }
  }
}
