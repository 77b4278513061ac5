import type { DittoServer } from '../src/api/types.ts';
import type { AdminClient, Watch, WatchEvent } from '../test/control-plane/admin.ts';
import { DITTO_SERVER, dittoServer, PERCONA_CLUSTER, perconaReady, STATEFUL_SET } from '../test/operator/actors.ts';
import type { BenchOptions } from './arguments.ts';

export const NAMESPACE = 'bench';
/** Requests of the bench in flight: enough to keep the operator busy, too few to keep it waiting. */
const AT_A_TIME = 16;

/** Everybody but the operator, played by the bench. */
export interface Actors {
  /** Creates so many DittoServers. @returns milliseconds from the first one until all were ready. */
  createServers: (count: number) => Promise<number>;
  stop: () => void;
}

/**
 * Plays the user, the StatefulSet controller with its pods, and Percona's operator: they see what the operator makes by
 * watches, and answer with what it waits for.
 */
export async function startActors(admin: AdminClient, { database }: BenchOptions): Promise<Actors> {
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  const each = (act: (name: string) => Promise<unknown>) => (event: WatchEvent) => {
    if (event.type === 'ADDED') act(event.object.metadata.name).catch(failed.reject);
  };
  const ready = new Set<string>();
  const watches: Watch[] = [
    await admin.watch(
      await admin.path(STATEFUL_SET, NAMESPACE),
      each((name) => podRuns(admin, name)),
    ),
    await admin.watch(await admin.path(DITTO_SERVER, NAMESPACE), ({ object }) => {
      if (isReady(object as unknown as DittoServer)) ready.add(object.metadata.name);
    }),
  ];
  if (database === 'percona') {
    const databaseRuns = each((name) => perconaReady(admin, NAMESPACE, name));
    watches.push(await admin.watch(await admin.path(PERCONA_CLUSTER, NAMESPACE), databaseRuns));
  }
  return {
    createServers: async (count) => {
      const started = performance.now();
      const names = Array.from({ length: count }, (_, index) => `server-${index}`);
      await Promise.race([createAll(admin, names, database), failed.promise]);
      await Promise.race([allReady(ready, count), failed.promise]);
      return performance.now() - started;
    },
    stop: () => {
      for (const watch of watches) watch.stop();
    },
  };
}

async function createAll(admin: AdminClient, names: readonly string[], database: BenchOptions['database']) {
  const spec = database === 'percona' ? { percona: { enabled: true } } : {};
  const waiting = [...names];
  const create = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      await admin.create(dittoServer(NAMESPACE, name, spec));
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, create));
}

/** What the StatefulSet controller writes once the pod is ready. */
async function podRuns(admin: AdminClient, name: string): Promise<void> {
  const counts = ['replicas', 'readyReplicas', 'availableReplicas', 'currentReplicas', 'updatedReplicas'];
  const status = {
    ...Object.fromEntries(counts.map((field) => [field, 1])),
    observedGeneration: 1,
    ...{ currentRevision: `${name}-1`, updateRevision: `${name}-1` },
  };
  await admin.patch(STATEFUL_SET, name, NAMESPACE, { status }, { subresource: 'status' });
}

function isReady({ status, metadata }: DittoServer): boolean {
  const condition = status?.conditions?.find(({ type }) => type === 'Ready');
  return condition?.status === 'True' && condition.observedGeneration === metadata.generation;
}

/** No server becomes ready for so long: something is wrong, even on a machine that has a lot else to do. */
const STUCK_MS = 180_000;

async function allReady(ready: ReadonlySet<string>, count: number): Promise<void> {
  let [seen, since] = [0, performance.now()];
  while (ready.size < count) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (ready.size > seen) [seen, since] = [ready.size, performance.now()];
    if (performance.now() - since > STUCK_MS) {
      throw new Error(`stuck: ${ready.size} of ${count} servers are ready, and none for the last ${STUCK_MS / 1000} s`);
    }
  }
}
