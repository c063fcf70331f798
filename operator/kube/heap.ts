/** A binary heap whose items know where they are, so that one can be moved or taken out and nothing stale is left behind. */

export interface Placed {
  /** Index in the heap that it is in; -1 in none. The heap's own. */
  place: number;
}

export class Heap<T extends Placed> {
  readonly #items: T[] = [];
  readonly #before: (a: T, b: T) => boolean;

  /** @param before a total order of what is in it; an item in the heap only ever moves forward, by `place` */
  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#items.length;
  }

  get first(): T | undefined {
    return this.#items[0];
  }

  /** All, in no order. */
  values(): Iterable<T> {
    return this.#items.values();
  }

  /** Puts a new item in, or moves one that comes earlier than it did. */
  place(item: T): void {
    if (item.place === -1) item.place = this.#items.push(item) - 1;
    for (;;) {
      const parent = this.#items[(item.place - 1) >> 1];
      if (!parent || !this.#before(item, parent)) return;
      this.#swap(parent, item);
    }
  }

  shift(): T | undefined {
    const [first] = this.#items;
    if (first) this.remove(first);
    return first;
  }

  /** Takes out an item that is in this heap. */
  remove(item: T): void {
    const last = this.#items.at(-1);
    if (!last || this.#items[item.place] !== item) throw new Error('the item is not in this heap');
    this.#swap(item, last);
    this.#items.pop();
    item.place = -1;
    if (last === item) return;
    this.#sink(last);
    this.place(last);
  }

  #sink(item: T): void {
    for (;;) {
      const left = this.#items[2 * item.place + 1];
      const right = this.#items[2 * item.place + 2];
      const child = left && right && this.#before(right, left) ? right : left;
      if (!child || this.#before(item, child)) return;
      this.#swap(item, child);
    }
  }

  #swap(a: T, b: T): void {
    [a.place, b.place] = [b.place, a.place];
    this.#items[a.place] = a;
    this.#items[b.place] = b;
  }
}
