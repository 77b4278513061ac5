interface Item {
  key: string;
  dueAt: number;
}

/**
 * Keys by the time they are due, the earliest first. A key is in it once; it can be moved and taken out, which keeps a
 * queue that re-schedules the same few keys for hours from growing.
 */
export class DelayHeap {
  readonly #items: Item[] = [];
  readonly #places = new Map<string, number>();

  get size(): number {
    return this.#items.length;
  }

  /** When the key is due, or undefined when it is not in. */
  dueAt(key: string): number | undefined {
    const place = this.#places.get(key);
    return place === undefined ? undefined : this.#items[place]?.dueAt;
  }

  /** The earliest key and its time, or undefined when the heap is empty. */
  peek(): Readonly<Item> | undefined {
    return this.#items[0];
  }

  /** Puts a key in, or moves it to another time. */
  set(key: string, dueAt: number): void {
    this.delete(key);
    this.#place({ key, dueAt }, this.#items.length);
    this.#rise(this.#items.length - 1);
  }

  /** Takes a key out. @returns whether it was in */
  delete(key: string): boolean {
    const place = this.#places.get(key);
    if (place === undefined) return false;
    this.#places.delete(key);
    const last = this.#items.pop();
    if (last !== undefined && place < this.#items.length) {
      this.#place(last, place);
      this.#sink(place);
      this.#rise(place);
    }
    return true;
  }

  clear(): void {
    this.#items.length = 0;
    this.#places.clear();
  }

  #place(item: Item, place: number): void {
    this.#items[place] = item;
    this.#places.set(item.key, place);
  }

  #rise(from: number): void {
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!this.#swapIfEarlier(place, parent)) return;
      place = parent;
    }
  }

  #sink(from: number): void {
    let place = from;
    for (;;) {
      const left = 2 * place + 1;
      const child = this.#due(left + 1) < this.#due(left) ? left + 1 : left;
      if (!this.#swapIfEarlier(child, place)) return;
      place = child;
    }
  }

  /** Swaps two places when the lower one is due earlier. */
  #swapIfEarlier(lower: number, upper: number): boolean {
    const low = this.#items[lower];
    const high = this.#items[upper];
    if (low === undefined || high === undefined || low.dueAt >= high.dueAt) return false;
    this.#place(low, upper);
    this.#place(high, lower);
    return true;
  }

  #due(place: number): number {
    return this.#items[place]?.dueAt ?? Infinity;
  }
}
