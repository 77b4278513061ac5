import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { servers } from '../test/api/arbitrary.ts';
import type { DittoServer, DittoServerSpec } from './api/types.ts';
import { differences } from './desired/difference.ts';
import type { ClusterFacts, Observed } from './observed.ts';
import { plan } from './plan.ts';
import { CONDITION_TYPES, REASONS } from './status/reasons.ts';
import { perconaApis, situations, validServers } from './testing/arbitraries.ts';
import { asStored, carriedOut, completeSecrets, facts, kstatus, observed, perconaClusterOf, running, withStatus } from './testing/builders.ts'; // prettier-ignore

const RUNS = { numRuns: 100 };
/** The condition types that stand only while they are true, or only where there is something to say. */
const SOMETIMES: readonly string[] = ['Reconciling', 'Stalled', 'BackupReady'];

const anything = fc.record({ situation: situations, perconaApi: perconaApis });

function check(property: (server: DittoServer, around: Observed, known: ClusterFacts) => void): void {
  fc.assert(
    fc.property(anything, ({ situation: { server, around }, perconaApi }) => {
      property(server, around, facts({ perconaApi }));
    }),
    RUNS,
  );
}

/** Plans and carries out until nothing is left to write, as the operator does. */
function settled(server: DittoServer, before: Observed, known: ClusterFacts): Observed {
  let around = before;
  for (let wave = 0; wave < 4; wave++) around = carriedOut(server, around, plan(server, around, known));
  return around;
}

describe('a plan', () => {
  it('is made for whatever the schema accepts', () => {
    fc.assert(
      fc.property(servers(), perconaApis, (object, perconaApi) => {
        const server = {
          ...object,
          metadata: { uid: 'u', generation: 1, ...object.metadata },
          spec: object.spec,
        } as unknown as DittoServer;
        const { status } = plan(server, observed(), facts({ perconaApi }));
        expect(status?.conditions?.length).toBeGreaterThan(0);
        for (const { message } of status?.conditions ?? []) expect(message).toMatch(/^\S.*[^\s.]\.$/s);
      }),
      { numRuns: 50 },
    );
  });

  it('is the same for the same', () => {
    check((server, around, known) => {
      expect(plan(structuredClone(server), structuredClone(around), known)).toEqual(plan(server, around, known));
    });
  });

  it('changes nothing of what it is given', () => {
    check((server, around, known) => {
      const before = structuredClone({ server, around });
      plan(server, around, known);
      expect({ server, around }).toEqual(before);
    });
  });

  it('labels every object, and gives it an owner unless it is to outlive its server', () => {
    check((server, around, known) => {
      const { apply, createOnce, generate } = plan(server, around, known);
      for (const { kind, metadata } of [...apply, ...createOnce, ...generate.map(({ object }) => object)]) {
        expect(metadata.namespace).toBe(server.metadata.namespace);
        expect(metadata.labels).toMatchObject({
          app: 'dittofs-server',
          instance: 'nas',
          'app.kubernetes.io/managed-by': 'dittofs-operator',
        });
        const kept =
          metadata.name === 'nas-admin-bootstrap-credentials' ||
          (kind === 'PerconaPGCluster' && server.spec.percona?.deleteWithServer === false);
        expect(metadata.ownerReferences?.map(({ uid }) => uid)).toEqual(kept ? undefined : [server.metadata.uid]);
      }
    });
  });

  it('names each object once', () => {
    check((server, around, known) => {
      const { apply, createOnce, generate, remove } = plan(server, around, known);
      const keys = [
        ...[...apply, ...createOnce, ...generate.map(({ object }) => object)].map(
          ({ kind, metadata }) => `${kind}/${metadata.name}`,
        ),
        ...remove.map(({ kind, name }) => `${kind}/${name}`),
      ];
      expect(keys).toEqual([...new Set(keys)]);
    });
  });

  it('holds no digest of a Secret', () => {
    check((server, around, known) => {
      const text = JSON.stringify(plan(server, around, known));
      for (const { digests } of around.secrets.values()) {
        for (const digest of Object.values(digests)) expect(text).not.toContain(digest);
      }
    });
  });

  it('has nothing to write once it is carried out, whatever the API server adds', () => {
    check((server, around, known) => {
      const after = settled(server, around, known);
      for (const intent of plan(server, after, known).apply) {
        expect(differences(intent, after.objects.get(`${intent.kind}/${intent.metadata.name}`))).toEqual([]);
        expect(differences(intent, asStored(intent))).toEqual([]);
      }
      expect(plan(server, after, known)).toMatchObject({ generate: [], remove: [], restarts: [] });
    });
  });

  it('has one condition of each type, each with a reason from the table and a sentence', () => {
    check((server, around, known) => {
      const conditions = plan(server, around, known).status?.conditions ?? [];
      const types = conditions.map(({ type }) => type);
      expect(types).toEqual(CONDITION_TYPES.filter((type) => types.includes(type)));
      expect(CONDITION_TYPES.filter((type) => !types.includes(type) && !SOMETIMES.includes(type))).toEqual([]);
      for (const { type, reason, message, observedGeneration, lastTransitionTime } of conditions) {
        expect(Object.keys(REASONS), type).toContain(reason);
        expect(message, type).toMatch(/^[^\s].*[^\s.]\.$/);
        expect(message, type).not.toMatch(/undefined|NaN|\[object|\.\.|""/);
        expect(observedGeneration).toBe(server.metadata.generation);
        expect(lastTransitionTime).toBe(known.now);
      }
    });
  });

  it('says nothing new to its own status: no event, no other status, no new times', () => {
    check((server, around, known) => {
      const { status } = plan(server, around, known);
      const again = plan(withStatus(server, status), around, { ...known, now: '2027-01-01T00:00:00Z' });
      expect(again.status).toEqual(status);
      expect(again.events.filter(({ reason }) => reason !== 'RestartingServer')).toEqual([]);
    });
  });

  it('is Current for kstatus only when the server runs as the spec says, and Failed only when somebody must act', () => {
    check((server, around, known) => {
      const { status, apply } = plan(server, around, known);
      const verdict = kstatus(withStatus(server, status));
      const ready = status?.conditions?.find(({ type }) => type === 'Ready');
      expect(verdict === 'Current').toBe(ready?.status === 'True');
      expect(verdict === 'Failed').toBe(status?.conditions?.some(({ type }) => type === 'Stalled') === true);
      if (verdict === 'Failed') expect(REASONS[ready?.reason as keyof typeof REASONS].outlook).toBe('user');
      if (verdict !== 'Current') return;
      expect(around.statefulSet?.status?.readyReplicas ?? 0).toBe(server.spec.replicas ?? 1);
      expect(around.foreign).toEqual([]);
      expect(apply.map(({ kind }) => kind)).toContain('StatefulSet');
    });
  });

  it('looks again while something is not as it should be', () => {
    check((server, around, known) => {
      const { status, lookAgain } = plan(server, around, known);
      const database = status?.conditions?.find(({ type }) => type === 'DatabaseReady');
      if (database?.status !== 'True') expect(lookAgain?.afterSeconds).toBe(10);
      else if (around.foreign.length + around.refused.length > 0) expect(lookAgain?.afterSeconds).toBe(60);
      else expect(lookAgain).toBeUndefined();
    });
  });

  it('never removes or re-creates what holds data', () => {
    check((server, around, known) => {
      const { remove, createOnce } = plan(server, around, known);
      expect(remove.filter(({ kind }) => !['Service', 'NetworkPolicy'].includes(kind))).toEqual([]);
      if (around.perconaCluster) expect(createOnce).toEqual([]);
    });
  });
});

describe('every valid server', () => {
  it('becomes Ready when its database and its Secrets are there and its pod runs', () => {
    fc.assert(
      fc.property(validServers, (server) => {
        const cluster = perconaClusterOf(server);
        const ref = server.spec.perconaPGClusterRef;
        if (ref) cluster.metadata.name = ref.name;
        if (ref?.user) cluster.spec.users = [{ name: ref.user, databases: ['x'] }];
        const before = observed({ secrets: completeSecrets(server, cluster), perconaCluster: cluster });
        const after = settled(server, before, facts());
        const pods = { ...running(after.statefulSet!), spec: after.statefulSet!.spec };
        if (server.spec.replicas === 0) pods.status = { ...pods.status, replicas: 0, readyReplicas: 0 };
        const { status } = plan(server, { ...after, statefulSet: pods }, facts());
        expect(status?.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({ status: 'True' });
        expect(kstatus(withStatus(server, status))).toBe('Current');
      }),
      RUNS,
    );
  });

  it('is told what is missing when its spec is not there', () => {
    for (const spec of [undefined, null, {}, { storage: {} }, { percona: { enabled: true } }]) {
      const server = { ...perconaServer, spec: spec as unknown as DittoServerSpec };
      const { status, apply, createOnce, generate } = plan(server, observed(), facts());
      expect([...apply, ...createOnce, ...generate]).toEqual([]);
      expect(status?.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({
        status: 'False',
        reason: 'InvalidSpec',
        message: expect.stringContaining('spec.storage.metadataSize') as string,
      });
      expect(kstatus(withStatus(server, status))).toBe('Failed');
    }
  });
});

const perconaServer = fc.sample(validServers, 1)[0]!;
