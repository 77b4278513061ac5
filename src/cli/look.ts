/** One look at a DittoServer and everything around it. What may not be read is left out and named. */
import type { DittoServer } from '../api/types.ts';
import { projectPerconaCluster, projectServer } from '../controller/projection.ts';
import { clusterOf } from '../controller/references.ts';
import { CLAIMS, DITTO_SERVERS, PERCONA_CLUSTERS } from '../controller/resources.ts';
import { APP, APP_LABEL, INSTANCE_LABEL } from '../desired/names.ts';
import type { Client } from '../kube/client.ts';
import { ApiError } from '../kube/errors.ts';
import { events } from '../kube/events.ts';
import type { KubeObject } from '../kube/objects.ts';
import { type Resource, resourceName } from '../kube/resource.ts';
import type { ClaimView, DiagnosisInputs, EventView, PodView, StorageClassView } from '../postgres/diagnosis.ts';
import { CommandError } from './exit.ts';

export interface Look {
  server: DittoServer;
  /** Of the database, and of the server. */
  database: DiagnosisInputs;
  serverPods: DiagnosisInputs;
  /** What could not be looked at, and why. */
  unseen: string[];
}

const PODS: Resource = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true };
const STORAGE_CLASSES: Resource = {
  group: 'storage.k8s.io',
  version: 'v1',
  plural: 'storageclasses',
  kind: 'StorageClass',
  namespaced: false,
};
const PERCONA_LABEL = 'postgres-operator.crunchydata.com/cluster';

/** Reads everything. @throws CommandError when there is no such DittoServer; ApiError, ConnectionError. */
export async function lookAt(client: Client, namespace: string, name: string): Promise<Look> {
  const server = projectServer(await serverOf(client, namespace, name));
  const reader = new Reader(client);
  const cluster = clusterOf(server);
  const ofServer = `${APP_LABEL}=${APP},${INSTANCE_LABEL}=${name}`;
  const ofDatabase = `${PERCONA_LABEL}=${cluster}`;
  const [percona, databasePods, serverPods, databaseClaims, serverClaims, told, storageClasses] = await Promise.all([
    reader.find(PERCONA_CLUSTERS, namespace, cluster),
    reader.list<PodView>(PODS, namespace, ofDatabase),
    reader.list<PodView>(PODS, namespace, ofServer),
    reader.list<ClaimView>(CLAIMS, namespace, ofDatabase),
    reader.list<ClaimView>(CLAIMS, namespace, ofServer),
    reader.list<RawEvent>(events, namespace),
    reader.list<StorageClassView>(STORAGE_CLASSES),
  ]);
  const common = {
    events: (told ?? []).sort((one, other) => timeOf(one).localeCompare(timeOf(other))).map(eventView),
    ...(storageClasses && { storageClasses }),
  };
  return {
    server,
    database: {
      ...common,
      ...(percona && clusterView(percona)),
      pods: databasePods ?? [],
      claims: databaseClaims ?? [],
    },
    serverPods: { ...common, pods: serverPods ?? [], claims: serverClaims ?? [] },
    unseen: reader.unseen,
  };
}

async function serverOf(client: Client, namespace: string, name: string): Promise<KubeObject> {
  try {
    return await client.get(DITTO_SERVERS, { namespace, name });
  } catch (error) {
    if (!(error instanceof ApiError) || !error.isNotFound) throw error;
    throw new CommandError(
      `error: there is no DittoServer "${name}" in namespace "${namespace}" (kubectl get dittoservers -A lists all)`,
    );
  }
}

/** Reads, and remembers what it was not allowed to. */
class Reader {
  readonly unseen: string[] = [];
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  async find(resource: Resource, namespace: string, name: string): Promise<KubeObject | undefined> {
    return await this.#allowed(resource, () => this.#client.get(resource, { namespace, name }));
  }

  /** @returns undefined when it may not be read */
  async list<T>(resource: Resource, namespace?: string, labelSelector?: string): Promise<T[] | undefined> {
    const list = await this.#allowed(resource, () =>
      this.#client.list(resource, {
        ...(namespace !== undefined && { namespace }),
        ...(labelSelector !== undefined && { labelSelector }),
      }),
    );
    return list?.items as T[] | undefined;
  }

  async #allowed<T>(resource: Resource, read: () => Promise<T>): Promise<T | undefined> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.isNotFound) return undefined;
      if (!error.isForbidden) throw error;
      const what = `${resourceName(resource)} (you are not allowed to read them)`;
      if (!this.unseen.includes(what)) this.unseen.push(what);
      return undefined;
    }
  }
}

function clusterView(object: KubeObject): Pick<DiagnosisInputs, 'cluster' | 'clusterAgeMs'> {
  const { creationTimestamp } = object.metadata;
  return {
    cluster: projectPerconaCluster(object),
    ...(creationTimestamp !== undefined && { clusterAgeMs: Date.now() - Date.parse(creationTimestamp) }),
  };
}

/** An event of events.k8s.io, old or new. */
interface RawEvent {
  regarding?: { kind?: string; name?: string };
  reason?: string;
  note?: string;
  eventTime?: string | null;
  deprecatedLastTimestamp?: string | null;
  series?: { lastObservedTime?: string };
}

function timeOf({ series, deprecatedLastTimestamp, eventTime }: RawEvent): string {
  return series?.lastObservedTime ?? deprecatedLastTimestamp ?? eventTime ?? '';
}

function eventView({ regarding, reason = '', note = '' }: RawEvent): EventView {
  return { kind: regarding?.kind ?? '', name: regarding?.name ?? '', reason, note };
}
