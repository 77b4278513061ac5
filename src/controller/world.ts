/** Everything the operator watches, and the view of it that one DittoServer needs. */
import type { DittoServer } from '../api/types.ts';
import { APP, APP_LABEL } from '../desired/names.ts';
import type { CacheEntry, CacheEvent } from '../kube/cache-entry.ts';
import { Cache } from '../kube/cache.ts';
import type { Client } from '../kube/client.ts';
import { ApiError } from '../kube/errors.ts';
import type { Log } from '../kube/log.ts';
import type { ReflectorMetrics } from '../kube/metrics.ts';
import { NamedWatches } from '../kube/named-watches.ts';
import type { KubeObject, ObjectKey } from '../kube/objects.ts';
import type { ReflectorState } from '../kube/reflector-state.ts';
import { Reflector, type ReflectorOptions, type ServerTraits } from '../kube/reflector.ts';
import type { Resource } from '../kube/resource.ts';
import type { Transport } from '../kube/transport.ts';
import type { Priority } from '../kube/work-queue.ts';
import type { ClusterFacts, ObservedPerconaCluster, ObservedSecret } from '../observed.ts';
import { projectObject, projectPerconaCluster, projectSecret, projectServer, type StoredObject } from './projection.ts';
import {
  CLAIMS,
  CONFIG_MAPS,
  CUSTOM_RESOURCE_DEFINITIONS,
  DITTO_SERVERS,
  NETWORK_POLICIES,
  PERCONA_CLUSTERS,
  SECRETS,
  SERVICES,
  STATEFUL_SETS,
} from './resources.ts';
import { clustersOf } from './references.ts';

export interface WorldOptions {
  client: Client;
  transport: Transport;
  log: Log;
  metrics?: ReflectorMetrics;
  /** Namespaces to watch; empty: all. */
  namespaces: readonly string[];
}

/** Told which DittoServer (`namespace/name`) something has changed for. */
export type ChangeListener = (serverKey: string, priority: Priority) => void;

/** Percona's labels on the Secrets of a cluster; they stay the same through 3.0.0. */
const PERCONA_CLUSTER_LABEL = 'postgres-operator.crunchydata.com/cluster';
const PERCONA_USER_SECRETS = 'postgres-operator.crunchydata.com/role=pguser';
const PERCONA_CERTIFICATES = 'postgres-operator.crunchydata.com/cluster-certificate=postgres-tls';
const OURS = `${APP_LABEL}=${APP}`;
const PERCONA_CRD = `${PERCONA_CLUSTERS.plural}.${PERCONA_CLUSTERS.group}`;
const NO_DEFINITION =
  'the API server does not know dittoservers.dittofs.dittofs.com: install it with dittofs-operator crd | kubectl apply --server-side -f -';
/** Kinds that are kept whole, as text. */
const STORED: readonly Resource[] = [STATEFUL_SETS, SERVICES, CONFIG_MAPS, NETWORK_POLICIES, CLAIMS];

export class World {
  readonly servers: Cache<DittoServer> = new Cache<DittoServer>({
    project: (object) => {
      const { namespace = '', name } = object.metadata;
      return projectServer(object, this.servers.get(namespace, name)?.value);
    },
    indexes: {
      cluster: ({ namespace, value }) => clustersOf(value).map((cluster) => `${namespace}/${cluster}`),
    },
  });
  readonly perconaClusters = new Cache<ObservedPerconaCluster>({ project: projectPerconaCluster });
  readonly #stored = new Map(STORED.map(({ kind }) => [kind, new Cache<StoredObject>({ project: projectObject })]));
  readonly #ownSecrets = secretCache();
  readonly #userSecrets = secretCache();
  readonly #certificates = secretCache();
  readonly #perconaCrd = new Cache<true>({ project: () => true });
  readonly #named: NamedWatches<ObservedSecret>;
  readonly #options: WorldOptions;
  readonly #traits: ServerTraits = { streamingLists: true };
  readonly #reflectors: Reflector<unknown>[];
  readonly #crdReflector: Reflector<true>;
  /** Aborted when the operator has no right to look at definitions: asking again and again would not change that. */
  readonly #mayNotLook = new AbortController();
  #listener: ChangeListener = () => undefined;
  #quiet = false;
  /** The watches of Percona's kinds while those are served. New ones each time: an old one would go on where it was. */
  #percona: { reflectors: Reflector<unknown>[]; stop: AbortController; wasServed: boolean } | undefined;
  readonly #ending = new Set<Promise<unknown>>();

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#named = new NamedWatches({
      ...this.#common(),
      resource: SECRETS,
      cache: secretCache(),
      onState: (key) => {
        for (const holder of this.#named.holdersOf(key)) this.#changed(holder, 'high');
      },
    });
    this.#crdReflector = new Reflector({
      ...this.#common(),
      resource: CUSTOM_RESOURCE_DEFINITIONS,
      fieldSelector: `metadata.name=${PERCONA_CRD}`,
      // The whole definition is a megabyte; that it exists is all there is to know.
      metadataOnly: true,
      cache: this.#perconaCrd,
      onState: () => this.#followPerconaCrd(),
    });
    this.#reflectors = this.#ownReflectors();
    this.#subscribe();
  }

  /** Says who is to be told of changes. */
  onChange(listener: ChangeListener): void {
    this.#listener = listener;
  }

  /** Runs every watch until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const looking = AbortSignal.any([signal, this.#mayNotLook.signal]);
    await Promise.all([this.#crdReflector.run(looking), ...this.#reflectors.map((reflector) => reflector.run(signal))]);
    this.#stopPercona();
    await Promise.all([...this.#ending, this.#named.stop()]);
  }

  /** Resolves when everything was listed once, or cannot be; before that, what is absent may only be unseen. */
  async synced(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#crdReflector, ...this.#reflectors].map((reflector) => reflector.settled(signal)));
    await Promise.all((this.#percona?.reflectors ?? []).map((reflector) => reflector.settled(signal)));
  }

  /** The watches that are not working, as sentences; empty when all is well. */
  failing(): string[] {
    return [...this.#reflectors, ...(this.#percona?.reflectors ?? [])].flatMap(({ state }) => {
      switch (state.kind) {
        case 'synced':
          return [];
        case 'starting':
          return ['a list is not complete yet'];
        case 'failing':
          return [state.error.message];
        case 'absent':
          // Percona's kinds may be missing. Of ours only one can be, the rest is Kubernetes' own.
          return this.#reflectors.some((own) => own.state === state) ? [NO_DEFINITION] : [];
      }
    });
  }

  /** Whether the API server serves perconapgclusters. */
  perconaApi(): ClusterFacts['perconaApi'] {
    if (this.#percona === undefined) return this.#crdReflector.state.kind === 'synced' ? 'absent' : 'unknown';
    const states = this.#percona.reflectors.map(({ state }) => state.kind);
    if (states.some((kind) => kind === 'absent')) return 'absent';
    // A list that fails for a moment takes nothing back: the definition is still there.
    this.#percona.wasServed ||= states.every((kind) => kind === 'synced');
    return this.#percona.wasServed ? 'present' : 'unknown';
  }

  /** The object of a stored kind, if it is there. */
  stored(kind: string, namespace: string, name: string): CacheEntry<StoredObject> | undefined {
    return this.#stored.get(kind)?.get(namespace, name);
  }

  /** The Secret of that name, by whichever watch shows it. */
  secret(namespace: string, name: string): ObservedSecret | undefined {
    const caches = [this.#ownSecrets, this.#userSecrets, this.#certificates, this.#named.cache];
    return caches.map((cache) => cache.get(namespace, name)?.value).find((value) => value !== undefined);
  }

  /**
   * Says which Secrets outside the label watches a server needs.
   *
   * @returns whether all of them were looked for already.
   */
  needSecrets(serverKey: string, secrets: readonly Required<ObjectKey>[]): boolean {
    this.#named.refer(serverKey, secrets);
    return secrets.every((key) => this.#named.state(key)?.kind !== 'starting');
  }

  /** Takes the answer to one of our own writes over, without telling anybody: the writer looks again by itself. */
  wrote(resource: Resource, object: KubeObject): void {
    this.#quiet = true;
    try {
      this.#cacheFor(resource).observe(object);
    } finally {
      this.#quiet = false;
    }
  }

  /** Takes over that an object is gone. */
  removed(resource: Resource, key: Required<ObjectKey>, uid: string): void {
    this.#quiet = true;
    try {
      this.#cacheFor(resource).observeDeleted(key.namespace, key.name, uid);
    } finally {
      this.#quiet = false;
    }
  }

  #cacheFor({ kind }: Resource): Cache<unknown> {
    const stored = this.#stored.get(kind);
    if (stored) return stored as Cache<unknown>;
    if (kind === DITTO_SERVERS.kind) return this.servers as Cache<unknown>;
    if (kind === PERCONA_CLUSTERS.kind) return this.perconaClusters as Cache<unknown>;
    return this.#ownSecrets as Cache<unknown>;
  }

  #common() {
    const { client, transport, log, metrics } = this.#options;
    return { client, transport, log, traits: this.#traits, ...(metrics && { metrics }) };
  }

  #ownReflectors(): Reflector<unknown>[] {
    return [
      ...this.#reflectorsOf(DITTO_SERVERS, this.servers),
      ...STORED.flatMap((resource) => {
        const cache = this.#stored.get(resource.kind);
        return cache ? this.#reflectorsOf(resource, cache, { labelSelector: OURS }) : [];
      }),
      ...this.#reflectorsOf(SECRETS, this.#ownSecrets, { labelSelector: OURS }),
    ];
  }

  #perconaReflectors(): Reflector<unknown>[] {
    return [
      ...this.#reflectorsOf(SECRETS, this.#userSecrets, { labelSelector: PERCONA_USER_SECRETS }),
      ...this.#reflectorsOf(SECRETS, this.#certificates, { labelSelector: PERCONA_CERTIFICATES }),
      ...this.#reflectorsOf(PERCONA_CLUSTERS, this.perconaClusters, { onState: () => this.#tellPerconaServers() }),
    ];
  }

  /** One reflector, or one for each namespace when only some are watched. */
  #reflectorsOf<V>(
    resource: Resource,
    cache: Cache<V>,
    options: Partial<ReflectorOptions<V>> = {},
  ): Reflector<unknown>[] {
    const { namespaces } = this.#options;
    return (namespaces.length > 0 ? namespaces : [undefined]).map((namespace) => {
      const scope = namespace === undefined ? {} : { namespace };
      const onState = (state: ReflectorState): void => {
        options.onState?.(state);
        if (state.kind === 'synced') this.#tryFailing();
      };
      return new Reflector<V>({
        ...this.#common(),
        resource,
        cache,
        ...scope,
        ...options,
        onState,
      }) as Reflector<unknown>;
    });
  }

  /** Where one watch has come through, the others need not wait for their back-off to end: up to half a minute each. */
  #tryFailing(): void {
    for (const reflector of [this.#crdReflector, ...this.#reflectors, ...(this.#percona?.reflectors ?? [])]) {
      const { state } = reflector;
      if (state.kind === 'failing' && !(state.error instanceof ApiError)) reflector.poke();
    }
  }

  #subscribe(): void {
    this.servers.subscribe((event) => {
      const { namespace, name } = entryOf(event);
      if (event.type === 'deleted') this.#named.refer(`${namespace}/${name}`, []);
      this.#tell(event, `${namespace}/${name}`);
    });
    for (const cache of this.#stored.values()) {
      cache.subscribe((event) => {
        const { namespace, value } = entryOf(event);
        if (value.instance !== undefined) this.#tell(event, `${namespace}/${value.instance}`);
      });
    }
    this.#ownSecrets.subscribe((event) => {
      const { namespace, value } = entryOf(event);
      const instance = value.metadata.labels?.['instance'];
      if (instance !== undefined) this.#tell(event, `${namespace}/${instance}`);
    });
    for (const cache of [this.#userSecrets, this.#certificates]) {
      cache.subscribe((event) => {
        const { namespace, value } = entryOf(event);
        this.#tellUsers(event, namespace, value.metadata.labels?.[PERCONA_CLUSTER_LABEL]);
      });
    }
    this.perconaClusters.subscribe((event) => {
      const { namespace, name } = entryOf(event);
      this.#tellUsers(event, namespace, name);
    });
    this.#named.cache.subscribe((event) => {
      const { namespace, name } = entryOf(event);
      for (const holder of this.#named.holdersOf({ namespace, name })) this.#tell(event, holder);
    });
    this.#perconaCrd.subscribe(() => this.#followPerconaCrd());
  }

  #tellUsers(event: CacheEvent<unknown>, namespace: string, cluster: string | undefined): void {
    if (cluster === undefined) return;
    for (const { name } of this.servers.byIndex('cluster', `${namespace}/${cluster}`)) {
      this.#tell(event, `${namespace}/${name}`);
    }
  }

  #tellPerconaServers(): void {
    for (const { namespace, name, value } of this.servers.values()) {
      if (clustersOf(value).length > 0) this.#changed(`${namespace}/${name}`, 'high');
    }
  }

  #tell(event: CacheEvent<unknown>, serverKey: string): void {
    if (!this.#quiet) this.#changed(serverKey, event.fromList ? 'low' : 'high');
  }

  #changed(serverKey: string, priority: Priority): void {
    this.#listener(serverKey, priority);
  }

  /**
   * Percona's kinds are watched while their definition exists. Where the operator may not look at definitions, they are
   * watched always, and the reflector finds out by itself.
   */
  #followPerconaCrd(): void {
    const { state } = this.#crdReflector;
    if (state.kind === 'failing' && state.error instanceof ApiError && state.error.isForbidden) {
      this.#options.log.info('definitions may not be looked at, so Percona is asked for its kinds from time to time');
      this.#mayNotLook.abort();
    }
    const hidden = state.kind === 'failing' || state.kind === 'absent';
    const wanted = hidden || this.#perconaCrd.size > 0;
    if (wanted && this.#percona === undefined) this.#startPercona();
    else if (wanted) for (const reflector of this.#percona?.reflectors ?? []) reflector.poke();
    else if (this.#crdReflector.state.kind === 'synced') {
      this.#stopPercona();
      for (const cache of [this.perconaClusters, this.#userSecrets, this.#certificates]) cache.clear();
      this.#tellPerconaServers();
    }
  }

  #startPercona(): void {
    const stop = new AbortController();
    const reflectors = this.#perconaReflectors();
    this.#percona = { reflectors, stop, wasServed: false };
    const done = Promise.all(reflectors.map((reflector) => reflector.run(stop.signal)));
    this.#ending.add(done);
    void done.finally(() => this.#ending.delete(done));
  }

  #stopPercona(): void {
    this.#percona?.stop.abort();
    this.#percona = undefined;
  }
}

function secretCache(): Cache<ObservedSecret> {
  return new Cache<ObservedSecret>({ project: projectSecret });
}

function entryOf<V>(event: CacheEvent<V>): CacheEntry<V> {
  return event.type === 'deleted' ? event.before : event.after;
}
