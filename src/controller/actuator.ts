/** Carries out a plan: sends what differs from what is observed, and nothing else. */
import { randomBytes } from 'node:crypto';
import type { DittoServer } from '../api/types.ts';
import type { ClaimGrowth } from '../desired/claims.ts';
import { differences } from '../desired/difference.ts';
import { type ObjectIntent, objectKey } from '../desired/object.ts';
import type { GeneratedSecret } from '../desired/secrets.ts';
import type { Client } from '../kube/client.ts';
import { ApiError } from '../kube/errors.ts';
import type { KubeObject, ObjectKey } from '../kube/objects.ts';
import type { Resource } from '../kube/resource.ts';
import type { ForeignObject, Observed, ObservedMetadata, RefusedWrite } from '../observed.ts';
import type { Plan, Removal } from '../plan.ts';
import type { OwnershipChange } from '../postgres/ownership.ts';
import { foreignObject, isOurs } from './observe.ts';
import { digest } from './projection.ts';
import { CLAIMS, DITTO_SERVERS, PERCONA_CLUSTERS, resourceOf, SECRETS } from './resources.ts';
import { takenOver } from './takeover.ts';
import type { World } from './world.ts';

/** On every object that we apply: which intent was applied last, so that what is not wanted any more is removed. */
const APPLIED_ANNOTATION = 'dittofs.dittofs.com/applied';

export interface ActuatorOptions {
  client: Client;
  world: World;
  /** Random bytes for generated Secrets. */
  random?: (bytes: number) => Buffer;
}

/** An object of ours that somebody had changed and that was put back. */
export interface Correction {
  kind: string;
  name: string;
  /** Paths of the fields. */
  fields: string[];
}

/** What came of one write. */
type Outcome =
  | { kind: 'done' }
  | { kind: 'corrected'; correction: Correction }
  | { kind: 'foreign'; object: ForeignObject }
  | { kind: 'refused'; write: RefusedWrite }
  | { kind: 'namespaceTerminating' };

/** What came of one wave of writes. */
export interface WaveResult {
  /** What was written, as `Kind/name`. */
  written: string[];
  foreign: ForeignObject[];
  refused: RefusedWrite[];
  corrected: Correction[];
  /** The namespace is being deleted: nothing can be made in it any more, and nothing needs to be. */
  namespaceTerminating: boolean;
}

const DONE: Outcome = { kind: 'done' };

/** The API server could not carry a write out, though it may later; `cause` is its ApiError. */
export class WriteFailure extends Error {
  override readonly name = 'WriteFailure';
  readonly write: RefusedWrite;
  override readonly cause: ApiError;

  constructor(write: RefusedWrite, cause: ApiError) {
    super(cause.message, { cause });
    this.write = write;
    this.cause = cause;
  }
}

/** A plan, with the view that it was made from. */
export interface Planned {
  plan: Plan;
  observed: Observed;
}

interface Write {
  /** `Kind/name`. */
  key: string;
  send: () => Promise<Outcome>;
}

export class Actuator {
  readonly #client: Client;
  readonly #world: World;
  readonly #random: (bytes: number) => Buffer;

  constructor({ client, world, random = randomBytes }: ActuatorOptions) {
    this.#client = client;
    this.#world = world;
    this.#random = random;
  }

  /**
   * Sends what the plan wants and is not there yet, all at once: what depends on an answer comes with the next plan.
   *
   * @param skip keys (`Kind/name`) not to be tried, because they were refused or are in the way.
   * @throws WriteFailure, ApiError (a conflict), ConnectionError: the first failure that may go away by itself; the other
   *   writes are finished.
   */
  async carryOut(
    server: DittoServer,
    { plan, observed }: Planned,
    skip: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<WaveResult> {
    const writes = this.#writes(server, { plan, observed }, signal).filter(({ key }) => !skip.has(key));
    const outcomes = await Promise.allSettled(writes.map(({ send }) => send()));
    const failure = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failure) throw failure.reason;
    const values = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    return {
      written: writes.map(({ key }) => key),
      foreign: values.flatMap((value) => (value.kind === 'foreign' ? [value.object] : [])),
      refused: values.flatMap((value) => (value.kind === 'refused' ? [value.write] : [])),
      namespaceTerminating: values.some(({ kind }) => kind === 'namespaceTerminating'),
      corrected: values.flatMap((value) => (value.kind === 'corrected' ? [value.correction] : [])),
    };
  }

  #writes(server: DittoServer, { plan, observed }: Planned, signal: AbortSignal): Write[] {
    const write = (kind: string, name: string, send: () => Promise<Outcome>): Write => ({
      key: `${kind}/${name}`,
      send: () => this.#refusable(kind, name, send),
    });
    const { namespace } = server.metadata;
    const { finalizers, ownership } = plan;
    return [
      ...(finalizers
        ? [write('DittoServer', server.metadata.name, () => this.#finalizers(server, finalizers, signal))]
        : []),
      ...plan.generate.map((secret) =>
        write('Secret', secret.object.metadata.name, () => this.#create(server, this.#drawn(secret), signal)),
      ),
      ...plan.createOnce.map((object) =>
        write(object.kind, object.metadata.name, () => this.#create(server, object, signal)),
      ),
      ...plan.apply.flatMap((intent) => {
        const send = this.#application(server, intent, observed, signal);
        return send ? [write(intent.kind, intent.metadata.name, send)] : [];
      }),
      ...plan.remove.map((removal) =>
        write(removal.kind, removal.name, () => this.#remove(namespace, removal, signal)),
      ),
      ...plan.growClaims.map((growth) =>
        write('PersistentVolumeClaim', growth.name, () => this.#grow(namespace, growth, signal)),
      ),
      ...(ownership
        ? [write('PerconaPGCluster', ownership.cluster.name, () => this.#own(namespace, ownership, signal))]
        : []),
    ];
  }

  /** What only the user can mend becomes a value. */
  async #refusable(kind: string, name: string, send: () => Promise<Outcome>): Promise<Outcome> {
    try {
      return await send();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.isNamespaceTerminating) return { kind: 'namespaceTerminating' };
      const write = { kind, name, message: refusal(error) };
      if (error.isInvalid || error.isForbidden) return { kind: 'refused', write };
      throw error.isRetriable ? new WriteFailure(write, error) : error;
    }
  }

  /** Undefined when the object on the server already says what the intent says. */
  #application(
    server: DittoServer,
    intent: ObjectIntent,
    observed: Observed,
    signal: AbortSignal,
  ): (() => Promise<Outcome>) | undefined {
    const resource = resourceOf(intent.kind);
    const { namespace, name } = intent.metadata;
    const marked = withMarker(intent);
    const entry = this.#world.stored(intent.kind, namespace, name);
    if (!entry) return () => this.#createByApply(server, resource, marked, signal);
    // What is there and not among ours was said to be so in the view that the plan was made from.
    const there = observed.objects.get(objectKey(intent));
    if (!there) return undefined;
    const fields = differences(marked, there);
    if (fields.length === 0) return undefined;
    // The marker says that this very intent was applied: then somebody else has changed what it says.
    const drifted = !fields.some((field) => field === `metadata.annotations.${APPLIED_ANNOTATION}`);
    return async () => {
      if (entry.value.takeOver) await this.#takeOver(resource, { namespace, name }, signal);
      this.#world.wrote(resource, await this.#client.apply(resource, marked, { signal }));
      return drifted ? { kind: 'corrected', correction: { kind: intent.kind, name, fields } } : DONE;
    };
  }

  async #createByApply(
    server: DittoServer,
    resource: Resource,
    intent: ObjectIntent,
    signal: AbortSignal,
  ): Promise<Outcome> {
    try {
      this.#world.wrote(resource, await this.#client.createByApply(resource, intent, { signal }));
      return DONE;
    } catch (error) {
      if (!(error instanceof ApiError) || !error.isConflict) throw error;
      return await this.#look(server, resource, intent, signal);
    }
  }

  async #create(server: DittoServer, object: ObjectIntent, signal: AbortSignal): Promise<Outcome> {
    const resource = resourceOf(object.kind);
    try {
      this.#world.wrote(resource, await this.#client.create(resource, object, { signal }));
      return DONE;
    } catch (error) {
      if (!(error instanceof ApiError) || !error.isAlreadyExists) throw error;
      return await this.#look(server, resource, object, signal);
    }
  }

  /**
   * Something of this name exists that no watch has shown: it lacks our labels, or the watch is behind. If it is ours,
   * because the Go operator made it or because an answer to our own write was lost, the next plan works with it.
   */
  async #look(
    server: DittoServer,
    resource: Resource,
    { metadata: intent }: ObjectIntent,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const key = { namespace: intent.namespace, name: intent.name };
    const object = await this.#client.get(resource, key, { signal });
    const metadata = object.metadata as ObservedMetadata;
    if (resource.kind !== PERCONA_CLUSTERS.kind && !isOurs(server, metadata)) {
      return { kind: 'foreign', object: foreignObject(resource.kind, metadata) };
    }
    const labelled = differences(intent.labels, metadata.labels ?? {}).length === 0;
    // A PerconaPGCluster is watched without a selector, and never written.
    if (labelled || resource.kind === PERCONA_CLUSTERS.kind) {
      this.#world.wrote(resource, object);
      return DONE;
    }
    // It gets our labels now, or no watch would ever show it. A Secret is never written again, so it also gets the
    // owner that it is to have: the admin's outlives its server.
    const owners = resource.kind === SECRETS.kind ? { ownerReferences: intent.ownerReferences ?? null } : {};
    const patch = { metadata: { labels: intent.labels, ...owners } };
    this.#world.wrote(resource, await this.#client.mergePatch(resource, key, patch, { signal }));
    return DONE;
  }

  async #takeOver(resource: Resource, key: Required<ObjectKey>, signal: AbortSignal): Promise<void> {
    const { metadata } = await this.#client.get(resource, key, { signal });
    await this.#client.jsonPatch(
      resource,
      key,
      [
        { op: 'replace', path: '/metadata/managedFields', value: takenOver(metadata.managedFields ?? []) },
        { op: 'replace', path: '/metadata/resourceVersion', value: metadata.resourceVersion },
      ],
      { signal },
    );
  }

  async #remove(namespace: string, { kind, name, uid }: Removal, signal: AbortSignal): Promise<Outcome> {
    const resource = resourceOf(kind);
    try {
      await this.#client.delete(resource, { namespace, name }, { uid, signal });
    } catch (error) {
      // Gone, or another of the same name: what was to be removed is not there.
      if (!(error instanceof ApiError) || !(error.isNotFound || error.isConflict)) throw error;
    }
    this.#world.removed(resource, { namespace, name }, uid);
    return DONE;
  }

  async #grow(namespace: string, { name, storage }: ClaimGrowth, signal: AbortSignal): Promise<Outcome> {
    const patch = { spec: { resources: { requests: { storage } } } };
    this.#world.wrote(CLAIMS, await this.#client.mergePatch(CLAIMS, { namespace, name }, patch, { signal }));
    return DONE;
  }

  async #own(namespace: string, { cluster, ownerReferences }: OwnershipChange, signal: AbortSignal): Promise<Outcome> {
    const { name, uid, resourceVersion } = cluster;
    const patch = { metadata: { uid, resourceVersion, ownerReferences } };
    const key = { namespace, name };
    this.#world.wrote(PERCONA_CLUSTERS, await this.#client.mergePatch(PERCONA_CLUSTERS, key, patch, { signal }));
    return DONE;
  }

  async #finalizers(server: DittoServer, finalizers: string[], signal: AbortSignal): Promise<Outcome> {
    const { namespace, name, resourceVersion } = server.metadata;
    const patch = { metadata: { finalizers, resourceVersion } };
    try {
      this.#world.wrote(
        DITTO_SERVERS,
        await this.#client.mergePatch(DITTO_SERVERS, { namespace, name }, patch, { signal }),
      );
    } catch (error) {
      if (!(error instanceof ApiError) || !error.isNotFound) throw error;
    }
    return DONE;
  }

  /** base64url needs no quoting anywhere; `data` wants that text as base64 once more. */
  #drawn({ object, generate }: GeneratedSecret): ObjectIntent {
    const given = (object['data'] ?? {}) as Record<string, string>;
    const drawn = Object.entries(generate).map(([key, bytes]) => [
      key,
      Buffer.from(this.#random(bytes).toString('base64url')).toString('base64'),
    ]);
    return { ...object, data: { ...given, ...Object.fromEntries(drawn) } };
  }
}

function withMarker(intent: ObjectIntent): ObjectIntent & KubeObject {
  const marker = digest(JSON.stringify(intent)).slice(0, 16);
  const annotations = { ...intent.metadata.annotations, [APPLIED_ANNOTATION]: marker };
  return { ...intent, metadata: { ...intent.metadata, annotations } };
}

/** The sentence of a refusal: the fields and what is wrong with them, or the server's own sentence. */
function refusal(error: ApiError): string {
  const causes = error.causes.flatMap(({ field, message }) =>
    message === undefined ? [] : [field === undefined ? message : `${field}: ${message}`],
  );
  const sentence = error.message.replace(`${error.method} ${error.path}: ${error.status} ${error.reason}: `, '');
  const text = causes.length > 0 ? causes.join('; ') : sentence;
  return text.endsWith('.') ? text : `${text}.`;
}
