/** How many entries are deleted, at least, before a new Map is begun: few enough that it has not grown old by then. */
const deletedCount = 128;

/**
 * A Map whose entries come and go, many in a second. The engine links each table behind a Map to the one that replaces it.
 * A table that has outlived two collections of young objects is old, and is only looked at with all of the heap: until then
 * it keeps alive, though nobody uses it, all later tables and whatever was in them. So the chain is cut now and then.
 */
export class PassingMap<K, V> {
  #map = new Map<K, V>();
  #deletedCount = 0;

  get size(): number {
    return this.#map.size;
  }

  has(key: K): boolean {
    return this.#map.has(key);
  }

  get(key: K): V | undefined {
    return this.#map.get(key);
  }

  set(key: K, value: V): void {
    this.#map.set(key, value);
  }

  delete(key: K): void {
    if (!this.#map.delete(key)) return;
    this.#deletedCount += 1;
    if (this.#deletedCount < Math.max(deletedCount, this.#map.size)) return;
    this.#deletedCount = 0;
    this.#map = new Map(this.#map);
  }

  /** Those of this moment. */
  values(): V[] {
    return [...this.#map.values()];
  }
}
