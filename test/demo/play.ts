/** The demo itself: sets the stage, applies the sample, follows it, and shows what has become of it. */
import { readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseAllDocuments } from 'yaml';
import { DITTO_SERVERS } from '../../src/controller/resources.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import { apiVersionOf } from '../../src/kube/resource.ts';
import { DemoError, type DemoOptions } from './arguments.ts';
import { Follower } from './follow.ts';
import type { Screen } from './screen.ts';
import { ownStage, type Stage, type Undo, userStage } from './stage.ts';
import { count, draw, ownershipTree } from './tree.ts';

/** What nobody changes for so long is how it stays. */
const SETTLED_MS = 3_000;
/** On one machine everything happens within seconds; in a cluster images have to be pulled. */
const PATIENCE_MS = { own: 60_000, cluster: 10 * 60_000 };

/** A demo that is being played. */
export interface Played extends Promise<undefined> {
  /** Whether everything was shown, and it only stays for the user to look around. */
  shown: () => boolean;
}

/**
 * Plays the demo; with `once` it ends by itself, otherwise with the signal.
 * @param undo gets what has to be undone afterwards, however this ends.
 */
export function play(screen: Screen, undo: Undo, options: DemoOptions, signal: AbortSignal): Played {
  let shown = false;
  const played = (async (): Promise<undefined> => {
    const { kubeconfig } = options;
    const stage = kubeconfig === undefined ? await ownStage(screen, undo) : await userStage(screen, undo, kubeconfig);
    await Promise.race([show(screen, stage, options, signal, () => (shown = true)), operatorEnds(stage, signal)]);
  })();
  return Object.assign(played, { shown: () => shown });
}

async function show(screen: Screen, stage: Stage, { file, once }: DemoOptions, signal: AbortSignal, done: () => void) {
  const server = await applyFile(screen, stage, file);
  screen.say();
  const { namespace } = stage;
  const { name } = server.metadata;
  const follower = new Follower(stage.cluster, screen, { namespace, name }, signal);
  const objects = await settled(stage, follower, server, signal);
  screen.block([]);
  const tree = ownershipTree(server, objects);
  screen.say(`\n${screen.style('bold', `What was made of it: ${count(tree) - 1} objects, each below its owner`)}\n`);
  screen.say(draw(tree, (text) => screen.style('dim', text)).join('\n'));
  screen.say();
  screen.paragraph(conclusion(stage, follower));
  screen.say();
  for (const line of advice(stage, name, { file, once })) screen.say(line);
  done();
  if (once) return;
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

async function operatorEnds({ operator }: Stage, signal: AbortSignal): Promise<void> {
  const how = await operator.ended;
  if (signal.aborted) return;
  throw new DemoError(`The operator has ended (${how}). Its last words: ${await operator.lastLines(3)}`);
}

/** Applies every document of the file, in the demo's namespace. @returns the DittoServer. */
async function applyFile(screen: Screen, { cluster, namespace }: Stage, file: string): Promise<KubeObject> {
  const resources = await cluster.resources();
  let server: KubeObject | undefined;
  for (const object of await documents(file)) {
    const resource = resources.find((one) => one.kind === object.kind && apiVersionOf(one) === object.apiVersion);
    if (!resource) throw new DemoError(`${file} has a ${object.kind}, which the cluster does not know.`);
    const metadata = { ...object.metadata, ...(resource.namespaced && { namespace }) };
    const applied = await cluster.client.apply(resource, { ...object, metadata });
    const done = `${shortPath(file)} applied: ${object.kind} ${metadata.name} in namespace ${namespace}`;
    screen.say(`${screen.style('green', '✓')} ${done}`);
    if (resource.kind === DITTO_SERVERS.kind) server = applied;
  }
  if (!server) throw new DemoError(`${file} has no DittoServer.`);
  return server;
}

async function documents(file: string): Promise<KubeObject[]> {
  try {
    const read = parseAllDocuments(await readFile(file, 'utf8'));
    return read.map((document) => document.toJS() as KubeObject | null).filter((object) => object !== null);
  } catch (error) {
    const [message = ''] = (error as Error).message.split('\n');
    throw new DemoError(`${file} cannot be read: ${message}`);
  }
}

/** As the user would write it. */
function shortPath(file: string): string {
  const path = relative('.', file);
  return path.startsWith('..') ? file : path;
}

/** Waits until nothing more happens that this cluster can make happen. @returns everything in the namespace. */
async function settled(
  stage: Stage,
  follower: Follower,
  server: KubeObject,
  signal: AbortSignal,
): Promise<KubeObject[]> {
  const deadline = performance.now() + (stage.podsRun ? PATIENCE_MS.cluster : PATIENCE_MS.own);
  let [last, since] = ['', performance.now()];
  for (;;) {
    if (signal.aborted) return [];
    const objects = await stage.cluster.objects(stage.namespace);
    const now = JSON.stringify([objects.map(({ metadata }) => metadata.uid).sort(), follower.server?.status]);
    if (now !== last) [last, since] = [now, performance.now()];
    const quiet = performance.now() - since > SETTLED_MS;
    if (quiet && isEnd(stage, follower, objects)) return objects;
    if (performance.now() > deadline) {
      const message = follower.condition('Ready')?.message ?? 'the operator has written no status';
      throw new DemoError(`DittoServer ${server.metadata.name} gets no further: ${message}`);
    }
    await sleep(500);
  }
}

function isEnd({ podsRun, percona }: Stage, follower: Follower, objects: readonly KubeObject[]): boolean {
  if (follower.condition('Ready')?.status === 'True') return true;
  if (!percona) return follower.condition('DatabaseReady') !== undefined;
  // Without nodes there is nothing beyond Percona's StatefulSets and the pods that wait for one.
  return !podsRun && objects.some(({ kind }) => kind === 'StatefulSet');
}

function conclusion({ podsRun, percona }: Stage, follower: Follower): string {
  if (follower.condition('Ready')?.status === 'True') return 'The file server is ready, and so is its database.';
  if (!percona)
    return "Without Percona's operator nobody runs PostgreSQL here; the DittoServer says so and waits for it.";
  if (podsRun) return 'The DittoServer is not ready yet; the conditions say why.';
  return (
    'No pod runs here: this cluster has no node. So PostgreSQL does not come up, and the DittoServer waits for ' +
    'its database, as its status says; its own StatefulSet is made when the database is ready, and not before. That is ' +
    'what there is to be seen in this demo.'
  );
}

function advice(stage: Stage, name: string, { file, once }: Pick<DemoOptions, 'file' | 'once'>): string[] {
  const { kubeconfig, kubectl, namespace } = stage;
  const render = `npx dittofs-operator render -f ${shortPath(file)}`;
  if (once) {
    return [
      'In a terminal, npm run demo stays, and you can look around with kubectl. Without a cluster:',
      `  ${render}`,
    ];
  }
  return [
    'Try in another terminal:',
    `  export KUBECONFIG=${kubeconfig}`,
    `  ${kubectl} -n ${namespace} get dittoservers,perconapgclusters,statefulsets,pods`,
    `  ${kubectl} -n ${namespace} describe dittoserver ${name}`,
    `  npx dittofs-operator explain ${name} -n ${namespace} --kubeconfig ${kubeconfig}`,
    `  ${render}`,
    '',
    'Ctrl-C takes everything down.',
  ];
}
