/** A binary heap that knows where each item stands, so that any item leaves in O(log n). Pure. */

/** First by turn, then by arrival. */
export interface Placed {
  turn: number;
  seq: number;
  /** Its index in the heap that holds it; −1: in none. Written by the heap alone. */
  at: number;
}

const before = (a: Placed, b: Placed): boolean => a.turn < b.turn || (a.turn === b.turn && a.seq < b.seq);

export class Order<T extends Placed> {
  /** In heap order, not sorted. */
  readonly items: T[] = [];

  get first(): T | undefined {
    return this.items[0];
  }

  add(item: T): void {
    this.items.push(item);
    this.#up(item, this.items.length - 1);
  }

  /** @param item must be in this heap */
  remove(item: T): void {
    const last = this.items.pop() as T;
    const { at } = item;
    item.at = -1;
    if (last !== item) this.#place(last, at);
  }

  /** To be told when the turn or arrival of an item in this heap changed. */
  changed(item: T): void {
    this.#place(item, item.at);
  }

  #place(item: T, at: number): void {
    const parent = this.items[(at - 1) >> 1];
    if (at > 0 && before(item, parent as T)) this.#up(item, at);
    else this.#down(item, at);
  }

  #up(item: T, from: number): void {
    const { items } = this;
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = items[above] as T;
      if (!before(item, parent)) break;
      items[at] = parent;
      parent.at = at;
      at = above;
    }
    items[at] = item;
    item.at = at;
  }

  #down(item: T, from: number): void {
    const { items } = this;
    let at = from;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= items.length) break;
      if (below + 1 < items.length && before(items[below + 1] as T, items[below] as T)) below++;
      const child = items[below] as T;
      if (!before(child, item)) break;
      items[at] = child;
      child.at = at;
      at = below;
    }
    items[at] = item;
    item.at = at;
  }
}
