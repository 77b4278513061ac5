import { afterEach, describe, expect, it } from 'vitest';
import { Cache } from './cache.ts';
import { Client } from './client.ts';
import type { KubeObject } from './objects.ts';
import type { ReflectorState } from './reflector-state.ts';
import type { ReflectorOptions } from './reflector.ts';
import { Reflector } from './reflector.ts';
import { FakeClock, settle, until } from './testing/fake-clock.ts';
import type { Answer, FakeStream, SeenRequest } from './testing/fake-server.ts';
import { FakeServer, status } from './testing/fake-server.ts';
import { Transport } from './transport.ts';

const widgets = { group: 'example.com', version: 'v1', plural: 'widgets', kind: 'Widget', namespaced: true };

const widget = (name: string, version: number, uid = name): KubeObject => ({
  apiVersion: 'example.com/v1',
  kind: 'Widget',
  metadata: { namespace: 'n', name, uid, resourceVersion: String(version) },
});

const bookmark = (version: number, ends = false): KubeObject => ({
  ...widget('', version),
  metadata: {
    name: '',
    resourceVersion: String(version),
    ...(ends && { annotations: { 'k8s.io/initial-events-end': 'true' } }),
  },
});

/** A streamed list of these objects, followed by the watch. */
const streamedList =
  (version: number, ...objects: KubeObject[]): ((stream: FakeStream) => void) =>
  (stream) => {
    for (const object of objects) stream.event('ADDED', object);
    stream.event('BOOKMARK', bookmark(version, true));
  };

class Bench {
  readonly clock = new FakeClock();
  readonly cache = new Cache<string>({
    project: ({ metadata }) => `${metadata.name}@${metadata.resourceVersion ?? ''}`,
  });
  readonly states: ReflectorState[] = [];
  readonly lines: string[] = [];
  /** Events handled so far. */
  events = 0;
  readonly abort = new AbortController();
  readonly server: FakeServer;
  readonly transport: Transport;
  readonly reflector: Reflector<string>;
  readonly done: Promise<void>;

  private constructor(server: FakeServer, options: Partial<ReflectorOptions<string>>) {
    this.server = server;
    const config = { server: server.url, authorization: () => undefined, namespace: 'default' };
    this.transport = new Transport({ config, userAgent: 'test', clock: this.clock });
    const note = (message: string): void => void this.lines.push(message);
    this.reflector = new Reflector<string>({
      resource: widgets,
      transport: this.transport,
      client: new Client(this.transport, 'test'),
      cache: this.cache,
      clock: this.clock,
      random: () => 1,
      log: { debug: note, info: note, warn: note, error: note },
      onState: (state) => this.states.push(state),
      metrics: {
        listed: () => undefined,
        watchOpened: () => undefined,
        watchEvent: () => void (this.events += 1),
        failed: () => undefined,
      },
      ...options,
    });
    this.done = this.reflector.run(this.abort.signal);
  }

  /** Answers requests one after the other, and hangs when there are no more. */
  static async start(answers: Answer[], options: Partial<ReflectorOptions<string>> = {}): Promise<Bench> {
    const bench = new Bench(await FakeServer.start(() => answers.shift() ?? 'hang'), options);
    benches.push(bench);
    return bench;
  }

  get kinds(): string[] {
    return this.states.map(({ kind }) => kind);
  }

  get values(): string[] {
    return [...this.cache.values()].map(({ value }) => value).sort();
  }

  get last(): FakeStream {
    const stream = this.server.streams.at(-1);
    if (stream === undefined) throw new Error('no stream yet');
    return stream;
  }

  request(nth: number): SeenRequest {
    const request = this.server.requests[nth];
    if (request === undefined) throw new Error(`there was no request ${nth}`);
    return request;
  }

  /** Waits for that state, and for what else happened with it. */
  async state(kind: ReflectorState['kind'], times = 1): Promise<void> {
    await until(`${times} times ${kind}`, () => this.kinds.filter((one) => one === kind).length >= times);
  }

  async holds(...values: string[]): Promise<void> {
    await until(values.join(), () => this.values.join() === values.join());
  }

  /** Waits until the reflector waits for this long, and lets that time pass. */
  async pause(ms: number): Promise<void> {
    await until(`a pause of ${ms} ms`, () => this.clock.delays.includes(ms));
    await this.clock.advance(ms);
  }

  async requests(count: number): Promise<void> {
    await until(`${count} requests`, () => this.server.requests.length >= count);
  }

  async stop(): Promise<void> {
    this.abort.abort();
    await this.done;
    expect(this.clock.timers).toBe(0);
    this.transport.close();
    await this.server.stop();
  }
}

const benches: Bench[] = [];
afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.stop();
});

describe('the first list', () => {
  it('is streamed, taken over as a whole, and followed by events', async () => {
    const bench = await Bench.start([{ stream: (stream) => stream.event('ADDED', widget('a', 5)) }], {
      labelSelector: 'x=y',
      namespace: 'n',
    });
    await until('the stream', () => bench.server.streams.length === 1);
    const { path, query } = bench.request(0);
    expect(path).toBe('/apis/example.com/v1/namespaces/n/widgets');
    expect(Object.fromEntries(query)).toEqual({
      watch: 'true',
      allowWatchBookmarks: 'true',
      sendInitialEvents: 'true',
      resourceVersionMatch: 'NotOlderThan',
      labelSelector: 'x=y',
      timeoutSeconds: '600',
    });
    await settle();
    expect([bench.cache.size, bench.reflector.state.kind]).toEqual([0, 'starting']);
    bench.last.event('BOOKMARK', bookmark(9, true));
    expect(await bench.reflector.settled(bench.abort.signal)).toEqual({ kind: 'synced' });
    expect(bench.values).toEqual(['a@5']);
    bench.last.event('MODIFIED', widget('a', 10));
    bench.last.event('ADDED', widget('b', 11));
    await bench.holds('a@10', 'b@11');
    bench.last.event('DELETED', widget('a', 12));
    await bench.holds('b@11');
    expect(bench.kinds).toEqual(['synced']);
  });

  it('is read in pages from a server that does not stream lists, which is remembered', async () => {
    const causes = [{ reason: 'FieldValueForbidden', field: 'sendInitialEvents', message: 'forbidden' }];
    const page = (items: KubeObject[], token?: string): Answer => ({
      body: { items, metadata: { resourceVersion: '20', ...(token !== undefined && { continue: token }) } },
    });
    const bare = { metadata: { namespace: 'n', name: 'b', uid: 'b', resourceVersion: '6' } } as KubeObject;
    const traits = { streamingLists: true };
    const bench = await Bench.start(
      [
        { status: 422, body: status(422, 'Invalid', '', { causes }) },
        page([widget('a', 5)], 'more'),
        page([bare]),
        { stream: () => undefined },
      ],
      { traits },
    );
    await bench.state('synced');
    await bench.requests(4);
    expect(bench.values).toEqual(['a@5', 'b@6']);
    expect(bench.request(1).query.get('limit')).toBe('500');
    expect(bench.request(2).query.get('continue')).toBe('more');
    expect(bench.request(3).query.get('resourceVersion')).toBe('20');
    expect(bench.request(3).query.has('sendInitialEvents')).toBe(false);
    expect(traits.streamingLists).toBe(false);
  });

  it('does not blame streaming for a selector that is invalid', async () => {
    const causes = [{ field: 'metadata.labelSelector', message: 'nonsense' }];
    const traits = { streamingLists: true };
    const bench = await Bench.start([{ status: 422, body: status(422, 'Invalid', '', { causes }) }], { traits });
    await bench.state('failing');
    expect(traits.streamingLists).toBe(true);
  });

  it('that breaks off is not taken over, and its repeats slow down', async () => {
    const half: Answer = {
      stream: (stream) => {
        stream.event('ADDED', widget('a', 5));
        stream.end();
      },
    };
    const bench = await Bench.start([half, half, half, { stream: streamedList(9, widget('a', 5)) }]);
    await bench.pause(800);
    await bench.pause(1600);
    expect(bench.cache.size).toBe(0);
    await bench.pause(3200);
    await bench.holds('a@5');
    expect(bench.kinds).toEqual(['failing', 'failing', 'failing', 'synced']);
  });

  it('asks for metadata alone when that is enough, and gives objects their kind back', async () => {
    const kinds: string[] = [];
    const cache = new Cache<string>({ project: ({ apiVersion, kind }) => (kinds.push(`${apiVersion} ${kind}`), '') });
    const partial = { ...widget('a', 5), apiVersion: 'meta.k8s.io/v1', kind: 'PartialObjectMetadata' };
    const bench = await Bench.start([{ stream: streamedList(9, partial) }], { metadataOnly: true, cache });
    await bench.state('synced');
    expect(bench.request(0).headers.accept).toBe('application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1');
    expect(kinds).toEqual(['example.com/v1 Widget']);
  });
});

describe('when the watch ends', () => {
  it('in good order, it goes on from the last version, bookmarks included, without a pause', async () => {
    const bench = await Bench.start([{ stream: streamedList(9, widget('a', 5)) }, { stream: () => undefined }]);
    await bench.state('synced');
    bench.last.event('BOOKMARK', bookmark(30));
    bench.last.end();
    await bench.requests(2);
    expect(bench.request(1).query.get('resourceVersion')).toBe('30');
    expect(bench.kinds).toEqual(['synced']);
  });

  it('at once and each time, it does not turn into a hot loop', async () => {
    const closed: Answer = { stream: (stream) => stream.end() };
    const bench = await Bench.start([{ stream: streamedList(9) }, closed, closed, closed, { stream: () => undefined }]);
    await bench.state('synced');
    bench.last.end();
    await bench.pause(800);
    await bench.pause(1600);
    await bench.pause(3200);
    await bench.requests(5);
    expect(bench.request(4).query.get('resourceVersion')).toBe('9');
  });

  it('by a cut, it goes on from the last version after a pause', async () => {
    const bench = await Bench.start([{ stream: streamedList(9, widget('a', 5)) }, { stream: () => undefined }]);
    await bench.state('synced');
    bench.last.event('MODIFIED', widget('a', 10));
    await bench.holds('a@10');
    bench.last.cut();
    await bench.pause(800);
    await bench.state('synced', 2);
    expect(bench.request(1).query.get('resourceVersion')).toBe('10');
    expect(bench.kinds).toEqual(['synced', 'failing', 'synced']);
  });

  it('again after it had worked, the pauses start anew', async () => {
    const failing: Answer = { status: 500 };
    const bench = await Bench.start([{ stream: streamedList(9) }, failing, failing, { stream: () => undefined }]);
    await bench.state('synced');
    bench.last.cut();
    await bench.pause(800);
    await bench.pause(1600);
    await bench.pause(3200);
    await bench.state('synced', 2);
    bench.last.event('BOOKMARK', bookmark(10));
    await until('the bookmark', () => bench.events === 2);
    bench.last.cut();
    await bench.pause(800);
  });

  it('by silence, it is noticed; a bookmark each minute keeps it alive', async () => {
    const bench = await Bench.start([{ stream: streamedList(9) }, { stream: () => undefined }]);
    await bench.state('synced');
    for (let minute = 1; minute <= 5; minute += 1) {
      await bench.clock.advance(60_000);
      bench.last.event('BOOKMARK', bookmark(10 + minute));
      await until('the bookmark', () => bench.clock.delays.includes(150_000));
    }
    expect(bench.kinds).toEqual(['synced']);
    await bench.clock.advance(150_000);
    await bench.state('failing');
    await bench.pause(800);
    await bench.requests(2);
    expect(bench.request(1).query.get('resourceVersion')).toBe('15');
  });
});

describe('when the version is too old', () => {
  const gone = status(410, 'Expired', 'too old resource version');

  it.each([
    ['said in the stream', { stream: (stream: FakeStream) => stream.event('ERROR', gone) }],
    ['said by the status', { status: 410, body: gone }],
  ])('(%s) it lists again and tells only the differences', async (_how, refusal) => {
    const list = streamedList(40, widget('a', 5), widget('b', 33), widget('d', 34));
    const bench = await Bench.start([
      { stream: streamedList(9, widget('a', 5), widget('b', 6), widget('c', 7)) },
      refusal,
      { stream: list },
    ]);
    await bench.state('synced');
    const seen: string[] = [];
    bench.cache.subscribe((event) =>
      seen.push(`${event.type} ${(event.type === 'deleted' ? event.before : event.after).name}`),
    );
    bench.last.event('BOOKMARK', bookmark(10));
    bench.last.end();
    await bench.requests(2);
    await bench.pause(800);
    await bench.holds('a@5', 'b@33', 'd@34');
    expect(seen.sort()).toEqual(['added d', 'deleted c', 'updated b']);
    // It happens after every long pause: nobody has to be told.
    expect(bench.kinds).toEqual(['synced']);
    expect(bench.request(2).query.get('sendInitialEvents')).toBe('true');
  });

  it('again and again, the pauses grow and it is told', async () => {
    const traits = { streamingLists: false };
    const list: Answer = { body: { items: [], metadata: { resourceVersion: '9' } } };
    const refusal: Answer = { status: 410, body: gone };
    const bench = await Bench.start([list, refusal, list, refusal, list, refusal], { traits });
    await bench.pause(800);
    await bench.pause(1600);
    await bench.pause(3200);
    expect(bench.kinds).toEqual(['synced', 'failing', 'synced', 'failing']);
  });

  it('or of the future, it lists again', async () => {
    const details = { causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }] };
    const bench = await Bench.start([
      { stream: streamedList(9) },
      { status: 504, body: status(504, 'Timeout', 'Too large resource version: 9, current: 5', details) },
      { stream: streamedList(5, widget('a', 4)) },
    ]);
    await bench.state('synced');
    bench.last.event('BOOKMARK', bookmark(9));
    bench.last.end();
    await bench.pause(800);
    await bench.holds('a@4');
  });

  it('because etcd was restored, what it had before gives way', async () => {
    const bench = await Bench.start([
      { stream: streamedList(90, widget('a', 80), widget('b', 81)) },
      { stream: streamedList(50, widget('a', 40)) },
    ]);
    await bench.state('synced');
    bench.last.event('MODIFIED', widget('a', 45));
    await bench.pause(800);
    await bench.holds('a@40');
    expect(bench.lines).toContain('resource versions went back: etcd was restored');
  });
});

describe('a failure inside the stream', () => {
  it('other than an old version pauses and goes on from the last one', async () => {
    const bench = await Bench.start([{ stream: streamedList(9) }, { stream: () => undefined }]);
    await bench.state('synced');
    bench.last.event('ERROR', status(500, 'InternalError', 'etcd is busy'));
    await bench.state('failing');
    expect(bench.states.at(-1)).toMatchObject({ error: { status: 500 } });
    await bench.pause(800);
    await bench.requests(2);
    expect(bench.request(1).query.get('resourceVersion')).toBe('9');
  });

  it.each([
    '{"type":"MODIFIED","object":{"metadata":',
    '{}',
    '[]',
    '{"type":"NEW","object":{"metadata":{}}}',
    '{"type":"ADDED"}',
  ])('like the line %s lists again, since something may be lost', async (line) => {
    const bench = await Bench.start([{ stream: streamedList(9) }, { stream: streamedList(12, widget('a', 11)) }]);
    await bench.state('synced');
    bench.last.raw(`${line}\n`);
    await bench.state('failing');
    expect(bench.states.at(-1)).toMatchObject({ error: { code: 'UNREADABLE' } });
    await bench.pause(800);
    await bench.holds('a@11');
    expect(bench.request(1).query.get('sendInitialEvents')).toBe('true');
  });
});

describe('a resource that is not served', () => {
  const absent: Answer = { status: 404, body: status(404, 'NotFound') };

  it('is absent, looked for less and less often, and found at once when poked', async () => {
    const bench = await Bench.start([absent, absent, absent, absent, { stream: streamedList(9, widget('a', 5)) }]);
    expect(await bench.reflector.settled(bench.abort.signal)).toEqual({ kind: 'absent' });
    await bench.pause(800);
    await bench.pause(1600);
    await until('the pause', () => bench.clock.delays.includes(3200));
    bench.reflector.poke();
    // Poking starts the pauses anew: the server takes a moment until it serves a new CRD.
    await bench.pause(800);
    await bench.holds('a@5');
    expect(bench.kinds).toEqual(['absent', 'synced']);
  });

  it('any more leaves nothing in the cache', async () => {
    const bench = await Bench.start([
      { stream: streamedList(9, widget('a', 5)) },
      absent,
      { stream: streamedList(20, widget('a', 15, 'new')) },
    ]);
    await bench.state('synced');
    bench.last.event('BOOKMARK', bookmark(10));
    bench.last.end();
    await bench.state('absent');
    expect(bench.cache.size).toBe(0);
    bench.reflector.poke();
    await bench.state('synced', 2);
    expect(bench.values).toEqual(['a@15']);
  });
});

it('a lack of permission is reported with its reason and tried again; the cache keeps what it had', async () => {
  const forbidden: Answer = { status: 403, body: status(403, 'Forbidden', 'no list for you') };
  const bench = await Bench.start([
    { stream: streamedList(9, widget('a', 5)) },
    forbidden,
    { stream: () => undefined },
  ]);
  await bench.state('synced');
  bench.last.event('BOOKMARK', bookmark(10));
  bench.last.end();
  await bench.state('failing');
  const state = bench.states.at(-1);
  expect(state?.kind === 'failing' && state.error.message).toContain('403 Forbidden: no list for you');
  expect(bench.values).toEqual(['a@5']);
  await bench.pause(800);
  await bench.state('synced', 2);
});

it('waits as long as an overloaded server asks', async () => {
  const busy: Answer = { status: 429, headers: { 'Retry-After': '7' }, body: status(429, 'TooManyRequests') };
  const bench = await Bench.start([busy, { stream: streamedList(9) }]);
  await bench.pause(7000);
  await bench.state('synced');
});

it('one object that cannot be read does not hide the others, and keeps its last known value', async () => {
  const cache = new Cache<string>({
    project: (object) => {
      if (object['poison'] === true) throw new Error('cannot read this');
      return object.metadata.resourceVersion ?? '';
    },
  });
  const poison = (version: number): KubeObject => ({ ...widget('a', version), poison: true });
  const bench = await Bench.start(
    [
      { stream: streamedList(9, widget('a', 5), { ...widget('z', 5), poison: true }) },
      { stream: streamedList(20, poison(15), widget('b', 16)) },
    ],
    { cache },
  );
  const values = (): string => [...cache.values()].map(({ name, value }) => `${name}@${value}`).join();
  await bench.state('synced');
  bench.last.event('MODIFIED', poison(10));
  bench.last.event('ADDED', widget('c', 11));
  await until('the next event', () => values() === 'a@5,c@11');
  bench.last.event('ERROR', status(410, 'Gone'));
  await bench.pause(800);
  await until('the list', () => values() === 'a@5,b@16');
});

describe('stopping', () => {
  it('ends a watch, a pause and a request at once, and touches nothing afterwards', async () => {
    for (const answers of [[{ stream: streamedList(9) }], [{ status: 404 }], []] as Answer[][]) {
      const bench = await Bench.start([...answers]);
      await bench.requests(1);
      await settle();
      bench.abort.abort();
      await bench.done;
      expect(bench.clock.timers).toBe(0);
    }
  });

  it('does not process events that were received before', async () => {
    const bench = await Bench.start([{ stream: streamedList(9) }]);
    await bench.state('synced');
    bench.cache.subscribe(() => bench.abort.abort());
    bench.last.raw(
      [widget('a', 10), widget('b', 11)].map((object) => `${JSON.stringify({ type: 'ADDED', object })}\n`).join(''),
    );
    await bench.done;
    expect(bench.values).toEqual(['a@10']);
  });
});
