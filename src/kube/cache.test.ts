import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CacheEntry, CacheEvent } from './cache-entry.ts';
import { Cache } from './cache.ts';
import type { KubeObject } from './objects.ts';

type Value = string;
const newCache = (): Cache<Value> => new Cache<Value>({ project: (object) => String(object['value']) });

const entry = (name: string, uid: string, version: number, ownerUid?: string): CacheEntry<Value> => ({
  namespace: 'n',
  name,
  uid,
  resourceVersion: String(version),
  ...(ownerUid !== undefined && { ownerUid }),
  value: `${uid}@${version}`,
});

const eventsOf = (cache: Cache<Value>): string[] => {
  const seen: string[] = [];
  cache.subscribe((event: CacheEvent<Value>) => {
    const before = event.type === 'added' ? '' : event.before.value;
    const after = event.type === 'deleted' ? '' : event.after.value;
    seen.push(`${event.type} ${before}>${after}${event.fromList ? ' (list)' : ''}`);
  });
  return seen;
};

describe('what was seen', () => {
  it('projects an object and keeps who controls it', () => {
    const cache = newCache();
    const owner = { apiVersion: 'v1', kind: 'A', name: 'a', uid: 'o', controller: true };
    const metadata = { namespace: 'n', name: 'a', uid: 'u', resourceVersion: '5', ownerReferences: [owner] };
    const object: KubeObject = { apiVersion: 'v1', kind: 'B', metadata, value: 'v' };
    expect(cache.observe(object)).toBe(true);
    expect(cache.get('n', 'a')).toEqual({
      namespace: 'n',
      name: 'a',
      uid: 'u',
      resourceVersion: '5',
      ownerUid: 'o',
      value: 'v',
    });
    expect(() => cache.observe({ ...object, metadata: { name: 'a' } })).toThrow('was never stored');
  });

  it('is not undone by an older event: read your own writes', () => {
    const cache = newCache();
    cache.upsert(entry('a', 'u', 9));
    const seen = eventsOf(cache);
    expect(cache.upsert(entry('a', 'u', 10))).toBe(true);
    expect(cache.upsert(entry('a', 'u', 9))).toBe(false);
    expect(cache.upsert(entry('a', 'u', 10))).toBe(true);
    expect(cache.get('n', 'a')?.value).toBe('u@10');
    expect(seen).toEqual(['updated u@9>u@10']);
  });

  it('stays deleted, whatever comes late', () => {
    const cache = newCache();
    cache.upsert(entry('a', 'u', 9));
    const seen = eventsOf(cache);
    cache.observeDeleted('n', 'a', 'u');
    expect(cache.upsert(entry('a', 'u', 11))).toBe(false);
    cache.observeDeleted('n', 'a', 'u', '12');
    expect(cache.upsert(entry('a', 'u', 13))).toBe(false);
    expect(cache.upsert(entry('a', 'new', 14))).toBe(true);
    expect(seen).toEqual(['deleted u@9>', 'added >new@14']);
  });

  it('comes back under the same uid when it only had left the selector of the watch', () => {
    const cache = newCache();
    cache.upsert(entry('a', 'u', 9));
    cache.observeDeleted('n', 'a', 'u', '10');
    expect(cache.upsert(entry('a', 'u', 9))).toBe(false);
    expect(cache.upsert(entry('a', 'u', 10))).toBe(false);
    expect(cache.upsert(entry('a', 'u', 11))).toBe(true);
    // Told late by a watch that lags behind our own write.
    cache.observeDeleted('n', 'a', 'u', '10');
    expect(cache.get('n', 'a')?.value).toBe('u@11');
  });

  it('is told apart by uid: the deletion of a former object does not touch its successor', () => {
    const cache = newCache();
    cache.upsert(entry('a', 'old', 9));
    const seen = eventsOf(cache);
    cache.upsert(entry('a', 'new', 12));
    cache.upsert(entry('a', 'old', 10));
    cache.observeDeleted('n', 'a', 'old', '11');
    cache.observeDeleted('n', 'a', 'old');
    expect(cache.get('n', 'a')?.uid).toBe('new');
    cache.observeDeleted('n', 'a', 'new');
    expect(cache.upsert(entry('a', 'old', 10))).toBe(false);
    expect(seen).toEqual(['deleted old@9>', 'added >new@12', 'deleted new@12>']);
  });

  it('is forgotten of the longest deleted only', () => {
    const cache = new Cache<Value>({ project: String, tombstones: 2 });
    for (const uid of ['1', '2', '3']) cache.observeDeleted('n', uid, uid);
    expect(['1', '2', '3'].map((uid) => cache.upsert(entry(uid, uid, 5)))).toEqual([true, false, false]);
  });
});

describe('a list', () => {
  it('adds, updates and removes, and tells that it was a list', () => {
    const cache = newCache();
    for (const name of ['a', 'b', 'c']) cache.upsert(entry(name, name, 5));
    const seen = eventsOf(cache);
    cache.replace({ entries: [entry('a', 'a', 5), entry('b', 'b', 8), entry('d', 'd', 7)], resourceVersion: '9' });
    expect(seen.sort()).toEqual(['added >d@7 (list)', 'deleted c@5> (list)', 'updated b@5>b@8 (list)']);
    expect(cache.size).toBe(3);
  });

  it('keeps what we wrote after it was made', () => {
    const cache = newCache();
    cache.upsert(entry('new', 'new', 12));
    cache.upsert(entry('changed', 'changed', 11));
    cache.replace({ entries: [entry('changed', 'changed', 5)], resourceVersion: '10' });
    expect([...cache.values()].map(({ value }) => value).sort()).toEqual(['changed@11', 'new@12']);
  });

  it('is proof that what it lacks had gone: an answer that comes later brings nothing back', () => {
    const cache = newCache();
    cache.replace({ entries: [], resourceVersion: '10' });
    expect(cache.upsert(entry('a', 'u', 10))).toBe(false);
    expect(cache.upsert(entry('a', 'u', 11))).toBe(true);
  });

  it('ends a former object also when its successor is known to be gone', () => {
    const cache = newCache();
    cache.upsert(entry('a', 'old', 5));
    cache.observeDeleted('n', 'a', 'new');
    cache.replace({ entries: [entry('a', 'new', 8)], resourceVersion: '9' });
    expect(cache.size).toBe(0);
  });

  it('speaks for its scope only', () => {
    const cache = newCache();
    const other = { ...entry('x', 'x', 5), namespace: 'other' };
    for (const one of [entry('a', 'a', 5), entry('b', 'b', 5), other]) cache.upsert(one);
    cache.replace({ entries: [], resourceVersion: '9', scope: { namespace: 'n', name: 'a' } });
    expect([...cache.values()].map(({ name }) => name)).toEqual(['b', 'x']);
    cache.replace({ entries: [], resourceVersion: '9', scope: { namespace: 'n' } });
    expect([...cache.values()].map(({ name }) => name)).toEqual(['x']);
    expect(cache.upsert({ ...entry('y', 'y', 8), namespace: 'other' })).toBe(true);
    cache.clear({ namespace: 'other' });
    expect(cache.size).toBe(0);
    // Nobody speaks for it any more, so nothing is known to be absent.
    expect(cache.upsert(entry('q', 'q', 8))).toBe(false);
    cache.clear();
    expect(cache.upsert(entry('q', 'q', 8))).toBe(true);
  });

  it('is believed against all versions when etcd went back in time', () => {
    const cache = newCache();
    for (const name of ['a', 'b', 'c']) cache.upsert(entry(name, name, 100));
    cache.observeDeleted('n', 'c', 'c', '101');
    const entries = [entry('a', 'a', 50), entry('c', 'c', 40)];
    cache.replace({ entries, resourceVersion: '60', force: true });
    expect([...cache.values()].map(({ value }) => value).sort()).toEqual(['a@50', 'c@40']);
    expect(cache.upsert(entry('b', 'b', 70))).toBe(true);
  });
});

describe('indexes', () => {
  it('find by owner, by namespace and by own keys, and follow every change', () => {
    const cache = new Cache<Value>({
      project: String,
      indexes: { letters: ({ value }) => [...new Set(value)] },
    });
    const of = (name: string, version: number, owner: string, value: string): CacheEntry<Value> => ({
      ...entry(name, name, version, owner),
      value,
    });
    const names = (found: CacheEntry<Value>[]): string[] => found.map(({ name }) => name).sort();
    cache.upsert(of('a', 1, 'o', 'xy'));
    cache.upsert(of('b', 2, 'o', 'yz'));
    cache.upsert(of('c', 3, 'p', 'y'));
    expect(names(cache.ownedBy('o'))).toEqual(['a', 'b']);
    expect(names(cache.byIndex('letters', 'y'))).toEqual(['a', 'b', 'c']);
    cache.upsert(of('b', 4, 'p', 'q'));
    expect([names(cache.ownedBy('o')), names(cache.ownedBy('p'))]).toEqual([['a'], ['b', 'c']]);
    expect([names(cache.byIndex('letters', 'y')), names(cache.byIndex('letters', 'z'))]).toEqual([['a', 'c'], []]);
    cache.observeDeleted('n', 'a', 'a');
    expect([names(cache.ownedBy('o')), names(cache.inNamespace('n'))]).toEqual([[], ['b', 'c']]);
    expect(() => cache.byIndex('colours', 'y')).toThrow('no index "colours"');
  });

  it('end with a subscription', () => {
    const cache = newCache();
    const seen: unknown[] = [];
    const end = cache.subscribe((event) => seen.push(event));
    cache.upsert(entry('a', 'a', 1));
    end();
    cache.upsert(entry('b', 'b', 2));
    expect(seen).toHaveLength(1);
  });
});

/** An API server: its objects, and every event so far. */
class Server {
  version = 10;
  readonly objects = new Map<string, CacheEntry<Value>>();
  readonly log: { deleted: boolean; entry: CacheEntry<Value> }[] = [];
  #uids = 0;

  write(name: string): CacheEntry<Value> {
    this.version += 1;
    const uid = this.objects.get(name)?.uid ?? `uid${(this.#uids += 1)}`;
    const written = entry(name, uid, this.version, `owner-of-${name}`);
    this.objects.set(name, written);
    this.log.push({ deleted: false, entry: written });
    return written;
  }

  remove(name: string): CacheEntry<Value> | undefined {
    const held = this.objects.get(name);
    if (held === undefined) return undefined;
    this.version += 1;
    this.objects.delete(name);
    const gone = { ...held, resourceVersion: String(this.version) };
    this.log.push({ deleted: true, entry: gone });
    return gone;
  }
}

type Step =
  | { do: 'write' | 'remove' | 'removeOurselves'; name: string }
  | { do: 'deliver' | 'answer'; nth: number }
  | { do: 'startList' | 'endList' };

const names = fc.constantFrom('a', 'b', 'c');
const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('write' as const), name: names }) },
    fc.record({ do: fc.constantFrom('remove' as const, 'removeOurselves' as const), name: names }),
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constantFrom('deliver' as const, 'answer' as const), nth: fc.nat(20) }),
    },
    fc.record({ do: fc.constantFrom('startList' as const, 'endList' as const) }),
  ),
  // Without a size, fast-check makes ten steps at most.
  { maxLength: 60, size: 'max' },
);

/** A server, a cache, and between them a watch that lags, lists that take long and answers that come out of order. */
class Race {
  readonly server = new Server();
  readonly cache = newCache();
  readonly #answers: CacheEntry<Value>[] = [];
  readonly #confirmed = new Map<string, number>();
  #delivered = 0;
  #list: { entries: CacheEntry<Value>[]; resourceVersion: string; position: number } | undefined;

  step(step: Step): void {
    const { server, cache } = this;
    if (step.do === 'write') this.#answers.push(server.write(step.name));
    else if (step.do === 'remove') server.remove(step.name);
    else if (step.do === 'removeOurselves') {
      const gone = server.remove(step.name);
      if (gone) cache.observeDeleted('n', gone.name, gone.uid);
    } else if (step.do === 'deliver') this.deliver(step.nth);
    else if (step.do === 'answer') {
      const [answer] = this.#answers.splice(step.nth % Math.max(1, this.#answers.length), 1);
      if (answer) cache.upsert(answer);
    } else if (step.do === 'startList') {
      const entries = [...server.objects.values()];
      this.#list ??= { entries, resourceVersion: String(server.version), position: server.log.length };
    } else if (this.#list) {
      cache.replace(this.#list);
      this.#delivered = this.#list.position;
      this.#list = undefined;
    }
    this.#check();
  }

  /** The next events of the watch; none while a list is being made, as in a reflector. */
  deliver(count: number): void {
    if (this.#list) return;
    for (const { deleted, entry: one } of this.server.log.slice(this.#delivered, this.#delivered + count)) {
      if (deleted) this.cache.observeDeleted('n', one.name, one.uid, one.resourceVersion);
      else this.cache.upsert(one);
      this.#delivered += 1;
    }
  }

  /** Everything that is still under way arrives. */
  finish(): void {
    this.step({ do: 'endList' });
    this.deliver(Infinity);
    for (const answer of this.#answers) this.cache.upsert(answer);
  }

  /** No object ever goes back to an older version. */
  #check(): void {
    for (const { uid, resourceVersion } of this.cache.values()) {
      const version = Number(resourceVersion);
      expect(version).toBeGreaterThanOrEqual(this.#confirmed.get(uid) ?? 0);
      this.#confirmed.set(uid, version);
    }
  }
}

describe('under any order of events, answers and lists', () => {
  it('ends up with what the server holds, and never goes back', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const race = new Race();
        for (const step of all) race.step(step);
        race.finish();
        const expected = [...race.server.objects.values()].map(({ value }) => value).sort();
        expect([...race.cache.values()].map(({ value }) => value).sort()).toEqual(expected);
        expect(race.cache.size).toBe(expected.length);
        for (const name of ['a', 'b', 'c']) {
          expect(race.cache.ownedBy(`owner-of-${name}`)).toHaveLength(race.server.objects.has(name) ? 1 : 0);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('tells changes from which the contents can be rebuilt', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const race = new Race();
        const copy = new Map<string, string>();
        race.cache.subscribe((event) => {
          const { name, value } = event.type === 'deleted' ? event.before : event.after;
          expect(copy.get(name)).toBe(event.type === 'added' ? undefined : event.before.value);
          if (event.type === 'deleted') copy.delete(name);
          else copy.set(name, value);
        });
        for (const step of all) race.step(step);
        expect(Object.fromEntries(copy)).toEqual(
          Object.fromEntries([...race.cache.values()].map(({ name, value }) => [name, value])),
        );
      }),
      { numRuns: 300 },
    );
  });
});
